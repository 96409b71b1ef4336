import {
  CHUNK_LOOSE_BITS,
  CHUNK_MAX_BYTES,
  CHUNK_MIN_BYTES,
  CHUNK_NORMAL_BYTES,
  CHUNK_STRICT_BITS,
  STRIPE_SHARDS_MAX,
} from "../base/limits.ts";
import { LANE, LANES } from "./arena.ts";
import type { Arena } from "./arena.ts";
import { parityCoefficient, rebuildMatrix } from "./matrix.ts";

export type KernelVariant = "relaxed" | "simd" | "scalar";

/** Bytes of a gear table: 256 little-endian u64. */
export const GEAR_TABLE_BYTES = 2048;

/** A hash is below this with probability 2^-bits. */
const STRICT_LIMIT = 1n << BigInt(64 - CHUNK_STRICT_BITS);
const LOOSE_LIMIT = 1n << BigInt(64 - CHUNK_LOOSE_BITS);

/** A shard and its address in the arena. */
export interface PlacedShard {
  /** 0..k-1 for data, k..254 for parity. */
  readonly index: number;
  readonly at: number;
}

/** Reed-Solomon and the chunker over one arena. Calls are synchronous; two instances may work at the
 * same time in two threads if their lanes differ and what they write does not overlap.
 * Addresses count from the arena's first byte and lie at or after `dataAt`; none needs to be aligned,
 * multiples of 64 are fastest. Nothing is read or written outside the given shards.
 * Every method throws RangeError for arguments that break its contract: that is a bug of the caller. */
export interface Kernels {
  readonly variant: KernelVariant;
  /** Writes `m` parity shards of the `k` data shards that lie one after the other at `dataAt`:
   * parity `i` goes to `parityAt + i * shardBytes`. k, m and shardBytes are at least 1, k + m at most 255.
   * @see docs/format/erasure.md */
  encode(k: number, m: number, shardBytes: number, dataAt: number, parityAt: number): void;
  /** Rebuilds `wanted` shards, data or parity, from the first `k` of the `present` ones. Indexes are
   * distinct within each list; no wanted shard lies over a present one. */
  rebuild(
    k: number,
    shardBytes: number,
    present: readonly PlacedShard[],
    wanted: readonly PlacedShard[],
  ): void;
  /** Sets this lane's gear table: GEAR_TABLE_BYTES bytes from a keyed derivation. They are copied. */
  setGear(table: Uint8Array): void;
  /** Length of the chunk that starts at `at`, where `lengthBytes` of data are there and `last` says that
   * no more follow; 0 if more bytes are needed to decide. Given CHUNK_MAX_BYTES it always decides.
   * @see docs/format/chunker.md */
  nextCut(at: number, lengthBytes: number, last: boolean): number;
}

/** What a kernel module exports. Integers of 32 bits go in and come out as signed numbers. */
export interface KernelExports {
  apply(
    inputs: number,
    outputs: number,
    coefficients: number,
    tables: number,
    columns: number,
    rows: number,
    lengthBytes: number,
  ): void;
  cut(table: number, at: number, from: number, to: number, limit: bigint): number;
}

/** The kernels of one instantiated module in one lane of an arena.
 * @throws RangeError when there is no such lane */
export function kernelsOver(
  arena: Arena,
  lane: number,
  variant: KernelVariant,
  module: KernelExports,
): Kernels {
  if (!Number.isInteger(lane) || lane < 0 || lane >= LANES) {
    throw new RangeError(`lane ${lane}; wanted 0 to ${LANES - 1}`);
  }
  return new LaneKernels(arena, lane * LANE.sizeBytes, variant, module);
}

class LaneKernels implements Kernels {
  readonly variant: KernelVariant;
  readonly #arena: Arena;
  readonly #laneAt: number;
  readonly #module: KernelExports;
  readonly #inputs: Uint32Array;
  readonly #outputs: Uint32Array;
  #hasGear = false;

  constructor(arena: Arena, laneAt: number, variant: KernelVariant, module: KernelExports) {
    const buffer = arena.memory.buffer;
    this.variant = variant;
    this.#arena = arena;
    this.#laneAt = laneAt;
    this.#module = module;
    this.#inputs = new Uint32Array(buffer, laneAt + LANE.inputs, 256);
    this.#outputs = new Uint32Array(buffer, laneAt + LANE.outputs, 256);
  }

  encode(k: number, m: number, shardBytes: number, dataAt: number, parityAt: number): void {
    checkCount("k", k, 1, STRIPE_SHARDS_MAX - 1);
    checkCount("m", m, 1, STRIPE_SHARDS_MAX - k);
    checkCount("shard bytes", shardBytes, 1, this.#arena.bytes.length);
    this.#checkArea("data", dataAt, k * shardBytes);
    this.#checkArea("parity", parityAt, m * shardBytes);
    if (dataAt < parityAt + m * shardBytes && parityAt < dataAt + k * shardBytes) {
      throw new RangeError("parity shards lie over data shards");
    }
    if (k === 1) {
      // Column 0 is all ones: every parity shard is a copy.
      for (let row = 0; row < m; row++) this.#copy(dataAt, parityAt + row * shardBytes, shardBytes);
      return;
    }
    const coefficients = this.#laneAt + LANE.coefficients;
    for (let row = 0; row < m; row++) {
      this.#outputs[row] = parityAt + row * shardBytes;
      for (let column = 0; column < k; column++) {
        this.#arena.bytes[coefficients + row * k + column] = parityCoefficient(row, column);
      }
    }
    for (let column = 0; column < k; column++) this.#inputs[column] = dataAt + column * shardBytes;
    this.#apply(k, m, shardBytes);
  }

  rebuild(
    k: number,
    shardBytes: number,
    present: readonly PlacedShard[],
    wanted: readonly PlacedShard[],
  ): void {
    checkCount("k", k, 1, STRIPE_SHARDS_MAX - 1);
    checkCount("shard bytes", shardBytes, 1, this.#arena.bytes.length);
    if (present.length < k) throw new RangeError(`have ${present.length} of ${k} shards`);
    const inputs = present.slice(0, k);
    this.#checkShards(shardBytes, inputs, wanted);
    const addresses = new Map(inputs.map(({ index, at }) => [index, at]));
    const outputs: PlacedShard[] = [];
    for (const shard of wanted) {
      const at = addresses.get(shard.index);
      if (at === undefined) outputs.push(shard);
      else this.#copy(at, shard.at, shardBytes);
    }
    if (outputs.length === 0) return;
    const matrix = rebuildMatrix(
      k,
      inputs.map(({ index }) => index),
      outputs.map(({ index }) => index),
    );
    this.#arena.bytes.set(matrix, this.#laneAt + LANE.coefficients);
    this.#inputs.set(inputs.map(({ at }) => at));
    this.#outputs.set(outputs.map(({ at }) => at));
    this.#apply(k, outputs.length, shardBytes);
  }

  setGear(table: Uint8Array): void {
    checkCount("gear table bytes", table.length, GEAR_TABLE_BYTES, GEAR_TABLE_BYTES);
    this.#arena.bytes.set(table, this.#laneAt + LANE.gear);
    this.#hasGear = true;
  }

  nextCut(at: number, lengthBytes: number, last: boolean): number {
    if (!this.#hasGear) throw new RangeError("no gear table was set");
    this.#checkArea("chunk", at, lengthBytes);
    const there = Math.min(lengthBytes, CHUNK_MAX_BYTES);
    const normal = Math.min(there, CHUNK_NORMAL_BYTES);
    let length = this.#cut(at, CHUNK_MIN_BYTES, normal, STRICT_LIMIT);
    if (length < normal) return length;
    length = this.#cut(at, CHUNK_NORMAL_BYTES, there, LOOSE_LIMIT);
    return length < there || there === CHUNK_MAX_BYTES || last ? length : 0;
  }

  #cut(at: number, from: number, to: number, limit: bigint): number {
    return this.#module.cut(this.#laneAt + LANE.gear, at, from, to, limit);
  }

  #apply(columns: number, rows: number, shardBytes: number): void {
    const lane = this.#laneAt;
    this.#module.apply(
      lane + LANE.inputs,
      lane + LANE.outputs,
      lane + LANE.coefficients,
      lane + LANE.tables,
      columns,
      rows,
      shardBytes,
    );
  }

  #copy(from: number, to: number, lengthBytes: number): void {
    this.#arena.bytes.copyWithin(to, from, from + lengthBytes);
  }

  #checkArea(what: string, at: number, lengthBytes: number): void {
    const { dataAt, bytes } = this.#arena;
    checkCount(`${what} bytes`, lengthBytes, 0, bytes.length - dataAt);
    checkCount(`${what} address`, at, dataAt, bytes.length - lengthBytes);
  }

  #checkShards(
    shardBytes: number,
    inputs: readonly PlacedShard[],
    wanted: readonly PlacedShard[],
  ): void {
    for (const shards of [inputs, wanted]) {
      if (new Set(shards.map(({ index }) => index)).size < shards.length) {
        throw new RangeError("a shard is listed twice");
      }
      for (const { index, at } of shards) {
        checkCount("shard index", index, 0, STRIPE_SHARDS_MAX - 1);
        this.#checkArea("shard", at, shardBytes);
      }
    }
    for (const shard of wanted) {
      const overlaps = (other: PlacedShard): boolean =>
        other !== shard && Math.abs(other.at - shard.at) < shardBytes;
      if (inputs.some(overlaps) || wanted.some(overlaps)) {
        throw new RangeError(`wanted shard ${shard.index} lies over another one`);
      }
    }
  }
}

function checkCount(what: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${what} ${value}; wanted ${min} to ${max}`);
  }
}
