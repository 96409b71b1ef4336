// The exports of one kernel module. It owns no memory: every address comes from the caller, so that
// several threads run their own instances over one shared memory at once.
import { applyPacked } from "./packed";
import { applyVector } from "./vector";
import { findCut } from "./gear";

/** out[r] = sum over c of coefficients[r * columns + c] * in[c], byte by byte in GF(2^8) / 0x11d.
 * `inputs` and `outputs` are arrays of u32 addresses; `tables` is scratch of
 * 32 * columns * (rows rounded up to 4) bytes. Outputs overlap neither inputs nor each other. */
export function apply(
  inputs: usize,
  outputs: usize,
  coefficients: usize,
  tables: usize,
  columns: i32,
  rows: i32,
  lengthBytes: usize,
): void {
  if (ASC_FEATURE_SIMD) {
    applyVector(inputs, outputs, coefficients, tables, columns, rows, lengthBytes);
  } else {
    applyPacked(inputs, outputs, coefficients, tables, columns, rows, lengthBytes);
  }
}

/** The first length in [from, to) at which the gear hash of the last 64 bytes is below `limit`,
 * else `to`. `from` is at least 64; `table` has 256 u64. */
export function cut(table: usize, at: usize, from: usize, to: usize, limit: u64): usize {
  return findCut(table, at, from, to, limit);
}
