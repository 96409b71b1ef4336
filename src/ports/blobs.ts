/** A directory of immutable files that survive a power cut once committed. The holder's big shards
 * and the owner's not yet spread packs lie in one. Names are ids or made by us:
 * [a-z0-9.-]{1,80}. */
export interface Blobs {
  /** Starts a new blob under a temporary name; nothing is visible under `name` before `commit`. */
  create(name: string): Promise<BlobWriter>;
  /** Reads up to `target.length` bytes from `offset` on into `target`; returns how many there were.
   * @throws BlobError BLOB_MISSING | BLOB_FAILED */
  read(name: string, offset: number, target: Uint8Array): Promise<number>;
  /** The blob's size in bytes, or undefined where there is none. */
  size(name: string): Promise<number | undefined>;
  /** Every committed name with its size, in no order. */
  list(): AsyncIterable<{ name: string; sizeBytes: number }>;
  remove(name: string): Promise<void>;
  /** Bytes that the file system has left for us. */
  freeBytes(): Promise<number>;
}

/** One blob being written. Exactly one of `commit` and `abort` ends it. */
export interface BlobWriter {
  /** Appends. The bytes are not kept after the promise resolves.
   * @throws BlobError BLOB_DISK_FULL | BLOB_FAILED */
  write(bytes: Uint8Array): Promise<void>;
  /** write → fsync → rename → fsync of the directory; when it resolves the blob is durable.
   * A blob that is there already is replaced only with `replace`. */
  commit(options?: { replace?: boolean }): Promise<void>;
  abort(): Promise<void>;
}
