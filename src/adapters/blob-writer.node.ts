import { constants } from "node:fs";
import { open, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { ALIGNMENT_BYTES } from "../base/aligned.ts";
import type { AlignedPool } from "../base/aligned.ts";
import { assert } from "../base/assert.ts";
import { codeOf, messageOf } from "../base/error.ts";
import type { BlobWriter } from "../ports/blobs.ts";
import { BlobError } from "./error.ts";

/** What a writer needs of its store. */
export interface WriterHost {
  readonly pool: AlignedPool;
  /** Whether the file system takes direct writes; a writer that finds out that not says so. */
  direct: boolean;
  /** Gives the finished temporary file its name, durably. */
  publish(path: string, name: string, replace: boolean): Promise<void>;
  /** No write to this store can be trusted any more. */
  poison(reason: string): void;
}

/** Writes one temporary file. Through a pool buffer and past the page cache where that is possible:
 * copying into the page cache costs twenty times the CPU time of the disk's own access. The file is
 * then written in aligned blocks, the last one padded, and cut to its length. */
export class FileBlobWriter implements BlobWriter {
  readonly #host: WriterHost;
  readonly #name: string;
  readonly #path: string;
  #file: FileHandle | undefined;
  /** The pool's buffer while the file is written directly. */
  #buffer: Uint8Array | undefined;
  #bufferedBytes = 0;
  #writtenBytes = 0;

  private constructor(host: WriterHost, name: string, path: string) {
    this.#host = host;
    this.#name = name;
    this.#path = path;
  }

  /** Creates the temporary file at `path`, which must not exist. */
  static async create(host: WriterHost, name: string, path: string): Promise<FileBlobWriter> {
    const writer = new FileBlobWriter(host, name, path);
    if (host.direct) writer.#buffer = host.pool.take();
    try {
      await writer.#open(constants.O_CREAT | constants.O_EXCL);
    } catch (cause) {
      writer.#dropBuffer();
      throw writer.#errorOf(cause, 0);
    }
    return writer;
  }

  async write(bytes: Uint8Array): Promise<void> {
    assert(this.#file !== undefined, "a blob is written before it is committed or aborted");
    let at = 0;
    try {
      while (at < bytes.length) {
        if (this.#buffer === undefined) {
          await this.#writeAt(bytes.subarray(at));
          at = bytes.length;
        } else {
          const part = bytes.subarray(at, at + this.#buffer.length - this.#bufferedBytes);
          this.#buffer.set(part, this.#bufferedBytes);
          this.#bufferedBytes += part.length;
          at += part.length;
          if (this.#bufferedBytes === this.#buffer.length) await this.#flush();
        }
      }
    } catch (cause) {
      throw this.#errorOf(cause, bytes.length);
    }
  }

  async commit({ replace = false }: { replace?: boolean } = {}): Promise<void> {
    const file = this.#file;
    assert(file !== undefined, "a blob is committed once");
    let isSynced = false;
    try {
      await this.#flush();
      await this.#sync();
      isSynced = true;
      await this.#close();
      await this.#host.publish(this.#path, this.#name, replace);
    } catch (cause) {
      const error = this.#errorOf(cause, this.#bufferedBytes);
      if (isSynced && error.code === "BLOB_FAILED") this.#host.poison(error.message);
      await this.abort();
      throw error;
    }
  }

  async abort(): Promise<void> {
    try {
      await this.#close();
      await unlink(this.#path);
    } catch {
      // The file may be gone or renamed already, or the disk; what is left is removed at the next
      // start.
    }
  }

  async #sync(): Promise<void> {
    try {
      await this.#file?.sync();
    } catch (cause) {
      // The system drops what it could not write and calls the next sync good: after such an error
      // nothing here can be trusted. A full disk is the one thing that it reports reliably.
      if (!isFull(cause)) this.#host.poison(`fsync of ${this.#path}: ${messageOf(cause)}`);
      throw cause;
    }
  }

  async #open(flags: number): Promise<void> {
    const common = constants.O_WRONLY | flags;
    if (this.#buffer !== undefined) {
      try {
        this.#file = await open(this.#path, common | constants.O_DIRECT, 0o600);
        return;
      } catch (error) {
        // Some file systems create the file before they refuse the flag.
        if (codeOf(error) !== "EINVAL") throw error;
        await unlink(this.#path).catch(() => undefined);
        this.#host.direct = false;
        this.#dropBuffer();
      }
    }
    this.#file = await open(this.#path, common, 0o600);
  }

  /** Writes what is buffered; only the last block of a blob is not full. */
  async #flush(): Promise<void> {
    const lengthBytes = this.#bufferedBytes;
    if (this.#buffer === undefined || lengthBytes === 0) return;
    const paddedBytes = Math.ceil(lengthBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    this.#buffer.fill(0, lengthBytes, paddedBytes);
    const isDone = await this.#writeDirect(this.#buffer.subarray(0, paddedBytes));
    if (!isDone) {
      await this.#goOrdinary();
      return;
    }
    this.#writtenBytes += lengthBytes;
    this.#bufferedBytes = 0;
    if (paddedBytes > lengthBytes) await this.#file?.truncate(this.#writtenBytes);
  }

  /** Whether the disk took the whole block; false where it wants ordinary writes. */
  async #writeDirect(block: Uint8Array): Promise<boolean> {
    let at = 0;
    while (at < block.length) {
      let bytesWritten = 0;
      try {
        const rest = block.length - at;
        bytesWritten = (await this.#handle().write(block, at, rest, this.#writtenBytes + at))
          .bytesWritten;
      } catch (error) {
        if (codeOf(error) !== "EINVAL") throw error;
        this.#host.direct = false;
        return false;
      }
      // A short write goes on from the last whole block; one that got nowhere goes on ordinarily.
      const aligned = Math.floor(bytesWritten / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
      if (aligned === 0) return false;
      at += aligned;
    }
    return true;
  }

  /** Goes on without direct access, beginning with what is buffered. */
  async #goOrdinary(): Promise<void> {
    await this.#handle().close();
    this.#file = undefined;
    const rest = this.#buffer?.slice(0, this.#bufferedBytes) ?? new Uint8Array(0);
    this.#dropBuffer();
    await this.#open(0);
    await this.#writeAt(rest);
  }

  async #writeAt(bytes: Uint8Array): Promise<void> {
    let at = 0;
    while (at < bytes.length) {
      const file = this.#handle();
      const { bytesWritten } = await file.write(bytes, at, bytes.length - at, this.#writtenBytes);
      at += bytesWritten;
      this.#writtenBytes += bytesWritten;
    }
  }

  #handle(): FileHandle {
    assert(this.#file !== undefined, "the temporary file is open");
    return this.#file;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#dropBuffer();
    await file?.close();
  }

  #dropBuffer(): void {
    if (this.#buffer !== undefined) this.#host.pool.give(this.#buffer);
    this.#buffer = undefined;
    this.#bufferedBytes = 0;
  }

  #errorOf(cause: unknown, neededBytes: number): BlobError {
    if (cause instanceof BlobError) return cause;
    if (isFull(cause)) {
      const needed = Math.max(neededBytes, this.#bufferedBytes);
      return new BlobError("BLOB_DISK_FULL", `${this.#path}: no room for ${needed} more bytes`, {
        cause,
        hint: "free some space on the disk of the store",
      });
    }
    return new BlobError("BLOB_FAILED", `${this.#path}: ${messageOf(cause)}`, { cause });
  }
}

function isFull(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOSPC" || code === "EDQUOT";
}
