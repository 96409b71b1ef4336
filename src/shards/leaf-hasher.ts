import { assert } from "../base/assert.ts";
import { LEAF_BYTES } from "../base/limits.ts";
import { leafHashes } from "../crypto/hash.node.ts";

const HASH_BYTES = 32;

/** Hashes the leaves of a shard whose bytes come in blocks of any size. Blocks that begin and end
 * on leaf borders are hashed where they lie; only what crosses a border is copied. */
export class LeafHasher {
  /** Filled so far up to `hashedLeaves`. */
  readonly #hashes: Uint8Array;
  readonly #lengthBytes: number;
  #hashedBytes = 0;
  /** The beginning of a leaf whose end is still to come. */
  #carry: Uint8Array | undefined;
  #carriedBytes = 0;

  /** For exactly `lengthBytes` bytes. */
  constructor(lengthBytes: number) {
    this.#lengthBytes = lengthBytes;
    this.#hashes = new Uint8Array(Math.ceil(lengthBytes / LEAF_BYTES) * HASH_BYTES);
  }

  /** How many bytes came in. */
  get seenBytes(): number {
    return this.#hashedBytes + this.#carriedBytes;
  }

  /** Takes the next bytes; together there are at most as many as announced. */
  update(bytes: Uint8Array): void {
    assert(this.seenBytes + bytes.length <= this.#lengthBytes, "a shard is as long as announced");
    let rest = bytes;
    if (this.#carriedBytes > 0) rest = this.#fillCarry(rest);
    const isLast = this.#hashedBytes + rest.length === this.#lengthBytes;
    const whole = isLast ? rest.length : Math.floor(rest.length / LEAF_BYTES) * LEAF_BYTES;
    if (whole > 0) this.#take(rest.subarray(0, whole));
    if (whole < rest.length) this.#fillCarry(rest.subarray(whole));
  }

  /** The hashes of all leaves, when all bytes came in. */
  finish(): Uint8Array {
    assert(this.#hashedBytes === this.#lengthBytes, "all bytes of the shard came in");
    return this.#hashes;
  }

  /** Moves bytes to the unfinished leaf; returns those that are not part of it. */
  #fillCarry(bytes: Uint8Array): Uint8Array {
    const wantedBytes = Math.min(LEAF_BYTES, this.#lengthBytes - this.#hashedBytes);
    const carry = (this.#carry ??= new Uint8Array(LEAF_BYTES));
    const part = bytes.subarray(0, wantedBytes - this.#carriedBytes);
    carry.set(part, this.#carriedBytes);
    this.#carriedBytes += part.length;
    if (this.#carriedBytes === wantedBytes) {
      this.#carriedBytes = 0;
      this.#take(carry.subarray(0, wantedBytes));
    }
    return bytes.subarray(part.length);
  }

  #take(leaves: Uint8Array): void {
    this.#hashes.set(leafHashes(leaves), (this.#hashedBytes / LEAF_BYTES) * HASH_BYTES);
    this.#hashedBytes += leaves.length;
  }
}
