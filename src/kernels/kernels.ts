import { LANE, LANES } from "./arena.ts";
import type { Arena } from "./arena.ts";
import { Chunker } from "./chunker.ts";
import { ErasureCoder } from "./erasure.ts";
import type { PlacedShard } from "./erasure.ts";
import type { KernelExports } from "./exports.ts";

export { GEAR_TABLE_BYTES } from "./chunker.ts";
export type { PlacedShard } from "./erasure.ts";

export type KernelVariant = "relaxed" | "simd" | "scalar";

/** Reed-Solomon and the chunker over one arena. Calls are synchronous; two instances may work at
 * the same time in two threads if their lanes differ and what they write does not overlap.
 * Addresses count from the arena's first byte and lie at or after `dataAt`; none needs to be
 * aligned, multiples of 64 are fastest. Nothing is read or written outside the given shards.
 * Every method throws RangeError for arguments that break its contract: a bug of the caller. */
export interface Kernels {
  readonly variant: KernelVariant;
  /** Writes `m` parity shards of the `k` data shards that lie one after the other at `dataAt`:
   * parity `i` goes to `parityAt + i * shardBytes`. k, m and shardBytes are at least 1, k + m at
   * most 255.
   * @see docs/format/erasure.md */
  encode(k: number, m: number, shardBytes: number, dataAt: number, parityAt: number): void;
  /** Rebuilds `wanted` shards, data or parity, from the first `k` of the `present` ones. Indexes
   * are distinct within each list; no wanted shard lies over another one or a present one. */
  rebuild(
    k: number,
    shardBytes: number,
    present: readonly PlacedShard[],
    wanted: readonly PlacedShard[],
  ): void;
  /** Copies this lane's gear table: GEAR_TABLE_BYTES bytes from a keyed derivation. */
  setGear(table: Uint8Array): void;
  /** Length of the chunk that starts at `at`, where `lengthBytes` of data are there and `last` says
   * that no more follow; 0 if more bytes are needed to decide. Given CHUNK_MAX_BYTES it decides.
   * It keeps nothing between calls: after 0 it scans from the start again.
   * @see docs/format/chunker.md */
  nextCut(at: number, lengthBytes: number, last: boolean): number;
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
  const laneAt = lane * LANE.sizeBytes;
  const coder = new ErasureCoder(arena, laneAt, module);
  const chunker = new Chunker(arena, laneAt, module);
  return {
    variant,
    encode: (...values) => coder.encode(...values),
    rebuild: (...values) => coder.rebuild(...values),
    setGear: (table) => chunker.setGear(table),
    nextCut: (...values) => chunker.nextCut(...values),
  };
}
