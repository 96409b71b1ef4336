import { assert } from "../base/assert.ts";
import { concatBytes } from "../base/bytes.ts";
import type { BlobWriter, Blobs } from "../ports/blobs.ts";
import { BlobError } from "./error.ts";

const NAME = /^[a-z0-9-][a-z0-9.-]{0,79}$/;

/** The twin of a store on disk, with a disk whose faults a test can choose. */
export class MemoryBlobs implements Blobs {
  /** The committed blobs; a test may damage them. */
  readonly blobs = new Map<string, Uint8Array>();
  /** Size of the disk. */
  diskBytes: number;
  /** While set, `commit` fails as after a failed fsync, and the store takes nothing more. */
  failsSync = false;
  /** While set, the store is as if its disk had been unmounted. */
  isGone = false;
  #isPoisoned = false;
  #openBytes = 0;

  constructor(diskBytes = Number.MAX_SAFE_INTEGER) {
    this.diskBytes = diskBytes;
  }

  async create(name: string): Promise<BlobWriter> {
    assert(NAME.test(name), `a blob's name is made of a-z, 0-9, dot and dash: ${name}`);
    if (this.#isPoisoned) throw new BlobError("BLOB_READ_ONLY", "the store takes nothing more");
    this.#refuseGone();
    const parts: Uint8Array[] = [];
    let lengthBytes = 0;
    let isOpen = true;
    const end = (): void => {
      if (isOpen) this.#openBytes -= lengthBytes;
      isOpen = false;
    };
    return {
      write: async (bytes) => {
        assert(isOpen, "a blob is written before it is committed or aborted");
        if ((await this.freeBytes()) < bytes.length) {
          throw new BlobError("BLOB_DISK_FULL", `${name}: no room for ${bytes.length} more bytes`);
        }
        parts.push(bytes.slice());
        lengthBytes += bytes.length;
        this.#openBytes += bytes.length;
      },
      commit: async ({ replace = false } = {}) => {
        assert(isOpen, "a blob is committed once");
        end();
        if (this.failsSync) {
          this.#isPoisoned = true;
          throw new BlobError("BLOB_FAILED", `${name}: fsync failed`);
        }
        if (replace || !this.blobs.has(name)) this.blobs.set(name, concatBytes(...parts));
      },
      abort: async () => end(),
    };
  }

  async read(name: string, offset: number, target: Uint8Array): Promise<number> {
    this.#refuseGone();
    const blob = this.blobs.get(name);
    if (blob === undefined) throw new BlobError("BLOB_MISSING", `${name}: there is no such blob`);
    const bytes = blob.subarray(offset, offset + target.length);
    target.set(bytes);
    return bytes.length;
  }

  async size(name: string): Promise<number | undefined> {
    this.#refuseGone();
    return this.blobs.get(name)?.length;
  }

  async *list(): AsyncIterable<{ name: string; sizeBytes: number }> {
    this.#refuseGone();
    for (const [name, { length }] of this.blobs) yield { name, sizeBytes: length };
  }

  async remove(name: string): Promise<void> {
    this.blobs.delete(name);
  }

  async freeBytes(): Promise<number> {
    let usedBytes = this.#openBytes;
    for (const { length } of this.blobs.values()) usedBytes += length;
    return Math.max(0, this.diskBytes - usedBytes);
  }

  #refuseGone(): void {
    if (this.isGone) throw new BlobError("STORE_NOT_MOUNTED", "the store is not there");
  }
}
