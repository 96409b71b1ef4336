import { STRIPE_SHARDS_MAX } from "../base/limits.ts";
import { LANE } from "./arena.ts";
import type { Arena } from "./arena.ts";
import { checkArea, checkCount } from "./check.ts";
import type { KernelExports } from "./exports.ts";
import { parityCoefficient, rebuildMatrix } from "./matrix.ts";

/** A shard and its address in the arena. */
export interface PlacedShard {
  /** 0..k-1 for data, k..254 for parity. */
  readonly index: number;
  readonly at: number;
}

/** Codes stripes with the tables of one lane of an arena; its methods are those of Kernels.
 * @see docs/format/erasure.md */
export class ErasureCoder {
  readonly #arena: Arena;
  readonly #laneAt: number;
  readonly #module: KernelExports;
  readonly #inputs: Uint32Array;
  readonly #outputs: Uint32Array;

  constructor(arena: Arena, laneAt: number, module: KernelExports) {
    this.#arena = arena;
    this.#laneAt = laneAt;
    this.#module = module;
    this.#inputs = new Uint32Array(arena.memory.buffer, laneAt + LANE.inputs, 256);
    this.#outputs = new Uint32Array(arena.memory.buffer, laneAt + LANE.outputs, 256);
  }

  encode(k: number, m: number, shardBytes: number, dataAt: number, parityAt: number): void {
    checkCount("k", k, 1, STRIPE_SHARDS_MAX - 1);
    checkCount("m", m, 1, STRIPE_SHARDS_MAX - k);
    checkCount("shard bytes", shardBytes, 1, this.#arena.bytes.length);
    checkArea(this.#arena, "data", dataAt, k * shardBytes);
    checkArea(this.#arena, "parity", parityAt, m * shardBytes);
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
        checkArea(this.#arena, "shard", at, shardBytes);
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
