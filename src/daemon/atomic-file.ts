import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { codeOf } from "../base/error.ts";
import { homeFailure } from "./home-failure.ts";

/** Replaces a small file so that a crash leaves the old text or the new one, never a part:
 * temporary name → fsync → rename → fsync of the folder. Mode 0600.
 * @throws DaemonError HOME_FULL | HOME_UNUSABLE; the old text is then there */
export function replaceFile(path: string, text: string): void {
  const temporary = `${path}.new`;
  try {
    replaceBy(temporary, path, text);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw homeFailure(path, cause);
  }
}

function replaceBy(temporary: string, path: string, text: string): void {
  const file = openSync(temporary, "w", 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** The text of a file, or undefined where there is none. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
