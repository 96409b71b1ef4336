import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import type { Stats } from "node:fs";
import { join } from "node:path";

const BLOCK_BYTES = 1024 * 1024;

/** Compares two trees: names, kinds, bytes, modes, times to the second, link targets.
 * @returns the first path that differs and how, or undefined where nothing does */
export function findDifference(left: string, right: string): string | undefined {
  const a = lstatSync(left, { throwIfNoEntry: false });
  const b = lstatSync(right, { throwIfNoEntry: false });
  if (a === undefined || b === undefined) return `${right}: is missing`;
  const how = compareStats(a, b);
  if (how !== undefined) return `${right}: ${how}`;
  if (a.isSymbolicLink()) {
    return readlinkSync(left) === readlinkSync(right) ? undefined : `${right}: links elsewhere`;
  }
  if (a.isFile()) return sameBytes(left, right) ? undefined : `${right}: other bytes`;
  const names = readdirSync(left).sort();
  const extra = readdirSync(right).find((name) => !names.includes(name));
  if (extra !== undefined) return `${join(right, extra)}: is too much`;
  for (const name of names) {
    const found = findDifference(join(left, name), join(right, name));
    if (found !== undefined) return found;
  }
  return undefined;
}

function compareStats(a: Stats, b: Stats): string | undefined {
  if ((a.mode & 0o170000) !== (b.mode & 0o170000)) return "another kind";
  if (a.isFile() && a.size !== b.size) return `${b.size} bytes instead of ${a.size}`;
  if (a.isSymbolicLink()) return undefined;
  if (a.mode !== b.mode) return `mode ${b.mode.toString(8)} instead of ${a.mode.toString(8)}`;
  if (Math.floor(a.mtimeMs / 1000) !== Math.floor(b.mtimeMs / 1000)) return "another time";
  return undefined;
}

function sameBytes(left: string, right: string): boolean {
  const a = openSync(left, "r");
  const b = openSync(right, "r");
  const blockA = Buffer.allocUnsafe(BLOCK_BYTES);
  const blockB = Buffer.allocUnsafe(BLOCK_BYTES);
  try {
    for (let at = 0; ;) {
      const countA = readSync(a, blockA, 0, BLOCK_BYTES, at);
      const countB = readSync(b, blockB, 0, BLOCK_BYTES, at);
      if (countA !== countB) return false;
      if (countA === 0) return true;
      if (!blockA.subarray(0, countA).equals(blockB.subarray(0, countB))) return false;
      at += countA;
    }
  } finally {
    closeSync(a);
    closeSync(b);
  }
}
