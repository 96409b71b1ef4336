import type { Arena } from "./arena.ts";

/** @throws RangeError unless `value` is an integer in [min, max] */
export function checkCount(what: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${what} ${value}; wanted ${min} to ${max}`);
  }
}

/** @throws RangeError unless `lengthBytes` from the address `at` on lie in the arena's free part */
export function checkArea(arena: Arena, what: string, at: number, lengthBytes: number): void {
  const { dataAt, bytes } = arena;
  checkCount(`${what} bytes`, lengthBytes, 0, bytes.length - dataAt);
  checkCount(`${what} address`, at, dataAt, bytes.length - lengthBytes);
}
