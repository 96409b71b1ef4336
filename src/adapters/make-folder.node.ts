import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf } from "../base/error.ts";

/** Makes a folder and those above it that are missing, all with `mode`. Node's own recursive mkdir
 * takes memory without end where the system refuses a name as missing in a folder that is there,
 * as `/proc/x`.
 * @returns whether it was made; false where it was there
 * @throws the operating system's error */
export function makeFolder(path: string, mode = 0o700): boolean {
  const parent = dirname(path);
  try {
    return makeLast(path, mode);
  } catch (error) {
    if (codeOf(error) !== "ENOENT" || parent === path) throw error;
  }
  makeFolder(parent, mode);
  return makeLast(path, mode);
}

/** The same where the folder above is there. */
function makeLast(path: string, mode: number): boolean {
  try {
    mkdirSync(path, { mode });
    return true;
  } catch (error) {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return false;
    throw error;
  }
}
