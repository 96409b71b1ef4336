import { AlignedPool } from "../base/aligned.ts";
import { equalBytes } from "../base/bytes.ts";
import { codeOf } from "../base/error.ts";
import { idOf } from "../base/id.ts";
import {
  BLOCK_BYTES,
  HOLDER_READ_BUFFERS_MAX,
  HOLDER_READ_BYTES,
  LEAF_BYTES,
} from "../base/limits.ts";
import { leafHashes, shardIdOf } from "../crypto/hash.node.ts";
import type { Blobs } from "../ports/blobs.ts";
import { LeafHasher } from "./leaf-hasher.ts";
import type { ShardRow, ShardTable } from "./shard-table.ts";

const HASH_BYTES = 32;

/** A leaf that does not match its hash, or bytes that are not there. The holder looks at the whole
 * shard then and decides. */
export class LeafMismatch extends Error {
  override readonly name = "LeafMismatch";
}

/** Reads shards from where they lie, and never gives out a byte that was not checked. */
export class ShardReader {
  readonly #blobs: Blobs;
  readonly #table: ShardTable;
  readonly #pool = new AlignedPool(HOLDER_READ_BUFFERS_MAX, HOLDER_READ_BYTES);

  constructor(blobs: Blobs, table: ShardTable) {
    this.#blobs = blobs;
    this.#table = table;
  }

  /** Whether as many bytes are there as should be; they are not looked at. */
  async isThere(row: ShardRow): Promise<boolean> {
    if (!row.isBlob) return this.#table.contentsBytes(row.number) === row.lengthBytes;
    return (await this.#blobs.size(row.id)) === row.lengthBytes;
  }

  /** The leaf hashes of a shard; undefined where the database has none that match the id. */
  leafHashes(row: ShardRow): Uint8Array | undefined {
    const hashes = this.#table.leafHashes(row.number);
    if (hashes === undefined) return undefined;
    return idOf(shardIdOf(row.lengthBytes, hashes)) === row.id ? hashes : undefined;
  }

  /** Bytes `[start, end)` in blocks of at most BLOCK_BYTES, each valid until the next is pulled.
   * @throws LeafMismatch instead of a block that has a wrong leaf; errors of the store */
  async *blocks(
    row: ShardRow,
    hashes: Uint8Array,
    start: number,
    end: number,
  ): AsyncIterable<Uint8Array> {
    const from = Math.floor(start / LEAF_BYTES) * LEAF_BYTES;
    const to = Math.min(row.lengthBytes, Math.ceil(end / LEAF_BYTES) * LEAF_BYTES);
    const wantedBytes = Math.min(to - from, HOLDER_READ_BYTES);
    const pooled = wantedBytes > LEAF_BYTES ? this.#pool.take() : undefined;
    const buffer = pooled ?? new Uint8Array(wantedBytes);
    try {
      for (let at = from; at < to; at += buffer.length) {
        // The whole buffer where there is no more: an aligned length is read without a detour.
        const lengthBytes = Math.min(buffer.length, to - at);
        await this.#fill(row, at, buffer, lengthBytes);
        const read = buffer.subarray(0, lengthBytes);
        this.#check(row, hashes, at, read);
        for (let part = 0; part < lengthBytes; part += BLOCK_BYTES) {
          const first = Math.max(part, start - at);
          const last = Math.min(part + BLOCK_BYTES, lengthBytes, end - at);
          if (first < last) yield read.subarray(first, last);
        }
      }
    } finally {
      if (pooled !== undefined) this.#pool.give(pooled);
    }
  }

  /** Reads a whole shard and hashes it anew, without the database's leaf hashes.
   * @returns the leaf hashes if the bytes are what the id says, else undefined
   * @throws only where the store itself is away: that says nothing about the shard */
  async rehash(row: ShardRow): Promise<Uint8Array | undefined> {
    if (!(await this.isThere(row))) return undefined;
    const pooled = this.#pool.take();
    const buffer = pooled ?? new Uint8Array(HOLDER_READ_BYTES);
    const hasher = new LeafHasher(row.lengthBytes);
    try {
      for (let at = 0; at < row.lengthBytes; at += buffer.length) {
        const lengthBytes = Math.min(buffer.length, row.lengthBytes - at);
        await this.#fill(row, at, buffer, lengthBytes);
        hasher.update(buffer.subarray(0, lengthBytes));
      }
    } catch (error) {
      const isOfShard = error instanceof LeafMismatch || codeOf(error) === "BLOB_FAILED";
      if (!isOfShard) throw error;
      return undefined;
    } finally {
      if (pooled !== undefined) this.#pool.give(pooled);
    }
    const hashes = hasher.finish();
    return idOf(shardIdOf(row.lengthBytes, hashes)) === row.id ? hashes : undefined;
  }

  async #fill(row: ShardRow, at: number, buffer: Uint8Array, lengthBytes: number): Promise<void> {
    if (row.isBlob) {
      const got = await this.#blobs.read(row.id, at, buffer).catch((error: unknown) => {
        if (codeOf(error) !== "BLOB_MISSING") throw error;
        return 0;
      });
      if (got >= lengthBytes) return;
    } else {
      const bytes = this.#table.contents(row.number);
      if (bytes?.length === row.lengthBytes) {
        buffer.set(bytes.subarray(at, at + lengthBytes));
        return;
      }
    }
    throw new LeafMismatch(`shard ${row.id}: bytes are not there`);
  }

  #check(row: ShardRow, hashes: Uint8Array, at: number, bytes: Uint8Array): void {
    const first = (at / LEAF_BYTES) * HASH_BYTES;
    const got = leafHashes(bytes);
    if (equalBytes(got, hashes.subarray(first, first + got.length))) return;
    const leaves = Math.ceil(row.lengthBytes / LEAF_BYTES);
    const name = `one of its leaves from ${at / LEAF_BYTES} on, of ${leaves}`;
    throw new LeafMismatch(`shard ${row.id}: ${name} does not match its hash`);
  }
}
