import { constants } from "node:fs";
import { mkdir, open, opendir, readdir, rename, rm, stat, statfs, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { ALIGNMENT_BYTES, AlignedPool, isAligned } from "../base/aligned.ts";
import { assert } from "../base/assert.ts";
import { codeOf, messageOf } from "../base/error.ts";
import { STORE_BLOCK_BYTES, STORE_BUFFERS_MAX } from "../base/limits.ts";
import type { BlobWriter, Blobs } from "../ports/blobs.ts";
import { claimStore, isMounted, notMounted, syncFolder } from "./blob-marker.node.ts";
import type { StoreClaim } from "./blob-marker.node.ts";
import { FileBlobWriter } from "./blob-writer.node.ts";
import type { WriterHost } from "./blob-writer.node.ts";
import { BlobError } from "./error.ts";

const NAME = /^[a-z0-9-][a-z0-9.-]{0,79}$/;
const FOLDER_NAMES = Array.from({ length: 256 }, (_, index) => folderName(index));
/** Shorter reads go through the page cache: a leaf or two are not worth an aligned detour. */
const DIRECT_READ_MIN_BYTES = 128 * 1024;

/** Blobs in a folder of this machine. */
export interface BlobStore extends Blobs {
  /** What the home has to remember of the folder. */
  readonly marker: string;
}

/** Opens the store in `folder`, one process at a time; see `claimStore` for when it is made or
 * refused. Uploads that an unclean stop left unfinished are removed.
 *
 *     folder/holdfast-store.json   marker
 *     folder/tmp/NAME.7            being written
 *     folder/3f/NAME               committed; the folder's name is a hash of the blob's
 *
 * @throws BlobError STORE_NOT_MOUNTED | STORE_FOREIGN | STORE_NEWER | BLOB_FAILED */
export async function openBlobs(folder: string, claim: StoreClaim): Promise<BlobStore> {
  const marker = await claimStore(folder, claim);
  try {
    await rm(join(folder, "tmp"), { recursive: true, force: true });
    await mkdir(join(folder, "tmp"), { mode: 0o700 });
    // All at once, so that no upload has to make one and sync its parent.
    const there = new Set(await readdir(folder));
    const missing = FOLDER_NAMES.filter((name) => !there.has(name));
    for (const name of missing) await mkdir(join(folder, name), { mode: 0o700 });
    if (missing.length > 0) await syncFolder(folder);
  } catch (cause) {
    throw new BlobError("BLOB_FAILED", `${folder}: ${messageOf(cause)}`, { cause });
  }
  return new FolderBlobs(folder, marker);
}

function folderName(index: number): string {
  return index.toString(16).padStart(2, "0");
}

/** FNV-1a, folded to one byte: names need not be hashes. */
function folderOf(name: string): string {
  let state = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    state = Math.imul(state ^ name.charCodeAt(index), 0x01000193);
  }
  return folderName((state ^ (state >>> 8) ^ (state >>> 16) ^ (state >>> 24)) & 0xff);
}

class FolderBlobs implements BlobStore, WriterHost {
  readonly marker: string;
  readonly pool = new AlignedPool(STORE_BUFFERS_MAX, STORE_BLOCK_BYTES);
  direct = constants.O_DIRECT !== undefined;
  readonly #folder: string;
  #poisoned: string | undefined;
  #created = 0;

  constructor(folder: string, marker: string) {
    this.#folder = folder;
    this.marker = marker;
  }

  async create(name: string): Promise<BlobWriter> {
    this.#pathOf(name);
    if (this.#poisoned !== undefined) {
      const message = `${this.#folder}: takes nothing more after ${this.#poisoned}`;
      throw new BlobError("BLOB_READ_ONLY", message, { hint: "look after the disk, then restart" });
    }
    const path = join(this.#folder, "tmp", `${name}.${this.#created++}`);
    try {
      return await FileBlobWriter.create(this, name, path);
    } catch (error) {
      if (!(await isMounted(this.#folder))) throw notMounted(this.#folder);
      throw error;
    }
  }

  async read(name: string, offset: number, target: Uint8Array): Promise<number> {
    assert(Number.isSafeInteger(offset) && offset >= 0, "an offset is a whole number from 0 on");
    if (target.length === 0) return 0;
    const { file, direct } = await this.#openForReading(name, target.length);
    try {
      if (!direct) return await readFully(file, target, offset);
      return await this.#readDirect(name, file, target, offset);
    } catch (cause) {
      if (cause instanceof BlobError) throw cause;
      throw new BlobError("BLOB_FAILED", `${name}: ${messageOf(cause)}`, { cause });
    } finally {
      await file.close();
    }
  }

  async size(name: string): Promise<number | undefined> {
    try {
      return (await stat(this.#pathOf(name))).size;
    } catch (cause) {
      if (codeOf(cause) !== "ENOENT") {
        throw new BlobError("BLOB_FAILED", `${name}: ${messageOf(cause)}`, { cause });
      }
      if (!(await isMounted(this.#folder))) throw notMounted(this.#folder);
      return undefined;
    }
  }

  async *list(): AsyncIterable<{ name: string; sizeBytes: number }> {
    if (!(await isMounted(this.#folder))) throw notMounted(this.#folder);
    for (const folder of FOLDER_NAMES) {
      const path = join(this.#folder, folder);
      for await (const entry of await opendir(path)) {
        if (!NAME.test(entry.name) || folderOf(entry.name) !== folder) continue;
        // It may be removed while the list is walked.
        const found = await stat(join(path, entry.name)).catch(() => undefined);
        if (found?.isFile() === true) yield { name: entry.name, sizeBytes: found.size };
      }
    }
  }

  async remove(name: string): Promise<void> {
    try {
      await unlink(this.#pathOf(name));
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return;
      throw new BlobError("BLOB_FAILED", `${name}: ${messageOf(cause)}`, { cause });
    }
  }

  async freeBytes(): Promise<number> {
    try {
      const { bavail, bsize } = await statfs(this.#folder);
      return bavail * bsize;
    } catch (cause) {
      throw new BlobError("BLOB_FAILED", `${this.#folder}: ${messageOf(cause)}`, { cause });
    }
  }

  async publish(path: string, name: string, replace: boolean): Promise<void> {
    const target = this.#pathOf(name);
    const isKept = !replace && (await this.size(name)) !== undefined;
    await (isKept ? unlink(path) : rename(path, target));
    // Also for one that is kept: whoever wrote it may not have got so far.
    await syncFolder(join(this.#folder, folderOf(name)));
  }

  poison(reason: string): void {
    this.#poisoned ??= reason;
  }

  #pathOf(name: string): string {
    assert(NAME.test(name), `a blob's name is made of a-z, 0-9, dot and dash: ${name}`);
    return join(this.#folder, folderOf(name), name);
  }

  async #openForReading(
    name: string,
    lengthBytes: number,
  ): Promise<{ file: FileHandle; direct: boolean }> {
    const path = this.#pathOf(name);
    try {
      if (this.direct && lengthBytes >= DIRECT_READ_MIN_BYTES) {
        try {
          const file = await open(path, constants.O_RDONLY | constants.O_DIRECT);
          return { file, direct: true };
        } catch (error) {
          if (codeOf(error) !== "EINVAL") throw error;
          this.direct = false;
        }
      }
      return { file: await open(path, "r"), direct: false };
    } catch (cause) {
      if (codeOf(cause) !== "ENOENT") {
        throw new BlobError("BLOB_FAILED", `${name}: ${messageOf(cause)}`, { cause });
      }
      if (!(await isMounted(this.#folder))) throw notMounted(this.#folder);
      throw new BlobError("BLOB_MISSING", `${name}: there is no such blob`, { cause });
    }
  }

  /** Reads past the page cache: into the target where it is aligned, else through a pool buffer. */
  async #readDirect(
    name: string,
    file: FileHandle,
    target: Uint8Array,
    offset: number,
  ): Promise<number> {
    const isDirect = isAligned(target) && offset % ALIGNMENT_BYTES === 0;
    const buffer = isDirect ? undefined : this.pool.take();
    try {
      if (isDirect) return await readFully(file, target, offset);
      if (buffer !== undefined) return await readThrough(file, buffer, target, offset);
    } catch (error) {
      if (codeOf(error) !== "EINVAL") throw error;
      this.direct = false;
    } finally {
      if (buffer !== undefined) this.pool.give(buffer);
    }
    await using ordinary = await open(this.#pathOf(name), "r");
    return await readFully(ordinary, target, offset);
  }
}

/** Reads until the target is full or the file ends. A direct read that stops off an aligned length
 * has met the end of the file. */
async function readFully(file: FileHandle, target: Uint8Array, offset: number): Promise<number> {
  let at = 0;
  while (at < target.length) {
    const { bytesRead } = await file.read(target, at, target.length - at, offset + at);
    at += bytesRead;
    if (bytesRead === 0 || (isAligned(target) && at % ALIGNMENT_BYTES !== 0)) break;
  }
  return at;
}

async function readThrough(
  file: FileHandle,
  buffer: Uint8Array,
  target: Uint8Array,
  offset: number,
): Promise<number> {
  let at = 0;
  while (at < target.length) {
    const skippedBytes = (offset + at) % ALIGNMENT_BYTES;
    const wantedBytes = Math.min(target.length - at + skippedBytes, buffer.length);
    const blockBytes = Math.ceil(wantedBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    const block = buffer.subarray(0, blockBytes);
    const gotBytes = Math.min(
      await readFully(file, block, offset + at - skippedBytes),
      wantedBytes,
    );
    if (gotBytes <= skippedBytes) break;
    target.set(block.subarray(skippedBytes, gotBytes), at);
    at += gotBytes - skippedBytes;
    if (gotBytes < wantedBytes) break;
  }
  return at;
}
