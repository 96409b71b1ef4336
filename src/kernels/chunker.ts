import {
  CHUNK_LOOSE_BITS,
  CHUNK_MAX_BYTES,
  CHUNK_MIN_BYTES,
  CHUNK_NORMAL_BYTES,
  CHUNK_STRICT_BITS,
} from "../base/limits.ts";
import { LANE } from "./arena.ts";
import type { Arena } from "./arena.ts";
import { checkArea, checkCount } from "./check.ts";
import type { KernelExports } from "./exports.ts";

/** Bytes of a gear table: 256 little-endian u64. */
export const GEAR_TABLE_BYTES = 2048;

/** A hash is below this with probability 2^-bits. */
const STRICT_LIMIT = 1n << BigInt(64 - CHUNK_STRICT_BITS);
const LOOSE_LIMIT = 1n << BigInt(64 - CHUNK_LOOSE_BITS);

/** Cuts bytes in one lane of an arena; its methods are those of Kernels.
 * @see docs/format/chunker.md */
export class Chunker {
  readonly #arena: Arena;
  readonly #tableAt: number;
  readonly #module: KernelExports;
  #hasGear = false;

  constructor(arena: Arena, laneAt: number, module: KernelExports) {
    this.#arena = arena;
    this.#tableAt = laneAt + LANE.gear;
    this.#module = module;
  }

  setGear(table: Uint8Array): void {
    checkCount("gear table bytes", table.length, GEAR_TABLE_BYTES, GEAR_TABLE_BYTES);
    this.#arena.bytes.set(table, this.#tableAt);
    this.#hasGear = true;
  }

  nextCut(at: number, lengthBytes: number, last: boolean): number {
    if (!this.#hasGear) throw new RangeError("no gear table was set");
    checkArea(this.#arena, "chunk", at, lengthBytes);
    const there = Math.min(lengthBytes, CHUNK_MAX_BYTES);
    const normal = Math.min(there, CHUNK_NORMAL_BYTES);
    const length = this.#module.cut(this.#tableAt, at, CHUNK_MIN_BYTES, normal, STRICT_LIMIT);
    if (length < normal) return length;
    const late = this.#module.cut(this.#tableAt, at, CHUNK_NORMAL_BYTES, there, LOOSE_LIMIT);
    return late < there || there === CHUNK_MAX_BYTES || last ? late : 0;
  }
}
