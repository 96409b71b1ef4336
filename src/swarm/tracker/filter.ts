import { idBytes, type ShardId } from "../../base/id.ts";
import { AGENT_FILTER_MAX_BYTES } from "../../base/limits.ts";

/** A Bloom filter over shard ids. Ids are hashes already, so the bits are taken out of them: bit
 * `i` of an id is its `i`-th little-endian u32, modulo the number of bits (a power of two).
 *
 * With `b` bits a shard, a foreign id is taken for one of the filter's with the probability
 * (1 - e^(-7/b))^7: at most 0.82 % at 10 bits, which is where a filter is full, and 0.0043 % at 20,
 * which is where the next larger one begins.
 * @see docs/tracker.md */
export const FILTER_HASHES = 7;
/** Bits per shard of a full filter. */
export const FILTER_BITS_PER_SHARD = 10;
export const FILTER_MIN_BYTES = 64;
/** Share of bits that an honest filter has set at most: half of them at its capacity, and little
 * more by chance. One that claims to have everything is refused by it. */
const FULLNESS_MAX = 0.55;

/** The bytes of the filter for so many shards: a power of two, the largest for all beyond it. */
export function filterBytesFor(shards: number): number {
  let bytes = FILTER_MIN_BYTES;
  while (bytes < AGENT_FILTER_MAX_BYTES && capacityOf(bytes) < shards) bytes *= 2;
  return bytes;
}

/** How many shards a filter of so many bytes takes in. */
export function capacityOf(bytes: number): number {
  return Math.floor((bytes * 8) / FILTER_BITS_PER_SHARD);
}

/** Whether so many bytes are a filter's. */
export function isFilterSize(bytes: number): boolean {
  const isPower = Number.isSafeInteger(bytes) && Math.log2(bytes) % 1 === 0;
  return isPower && bytes >= FILTER_MIN_BYTES && bytes <= AGENT_FILTER_MAX_BYTES;
}

/** The `FILTER_HASHES` numbers from which an id's bits are taken; for looking through many
 * filters. */
export function filterWords(id: ShardId): Uint32Array {
  const bytes = idBytes(id);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: FILTER_HASHES }, (_, i) => view.getUint32(4 * i, true));
}

/** The set of shards that an agent may hold. */
export class ShardFilter {
  /** Of them, `count` went in. */
  count: number;
  readonly bytes: Uint8Array;
  readonly #mask: number;

  /** @param bytes as many as `isFilterSize` allows; they are the filter's from now on */
  constructor(bytes: Uint8Array, count = 0) {
    if (!isFilterSize(bytes.length)) throw new RangeError(`${bytes.length} bytes are no filter's`);
    this.bytes = bytes;
    this.count = count;
    this.#mask = bytes.length * 8 - 1;
  }

  get isFull(): boolean {
    return this.count >= capacityOf(this.bytes.length);
  }

  add(id: ShardId): void {
    for (const word of filterWords(id)) {
      const bit = word & this.#mask;
      this.bytes[bit >>> 3] = (this.bytes[bit >>> 3] ?? 0) | (1 << (bit & 7));
    }
    this.count++;
  }

  /** Whether the shard with these words went in; true for a few others too. */
  mayHold(words: Uint32Array): boolean {
    const { bytes } = this;
    return words.every((word) => {
      const bit = word & this.#mask;
      return ((bytes[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0;
    });
  }

  /** Whether so many bits are set that it says too much to be true. */
  get isImplausible(): boolean {
    let set = 0;
    for (const byte of this.bytes) set += BITS[byte] ?? 0;
    return set > FULLNESS_MAX * this.bytes.length * 8;
  }
}

/** How many bits of each byte are set. */
const BITS = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let rest = byte; rest > 0; rest >>= 1) count += rest & 1;
  return count;
});
