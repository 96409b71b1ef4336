import { randomFillSync } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

const MIB = 1024 * 1024;
const FILES_PER_FOLDER = 100;

/** Writes a file of random bytes, on disk when it returns. */
export function writeRandomFile(path: string, mib: number): void {
  const block = Buffer.allocUnsafe(MIB);
  const descriptor = openSync(path, "w");
  for (let written = 0; written < mib; written++) writeSync(descriptor, randomFillSync(block));
  fsyncSync(descriptor);
  closeSync(descriptor);
}

/** Writes `count` files of `bytes` random bytes each, a hundred to a folder. */
export function writeSmallFiles(dir: string, count: number, bytes: number): void {
  const block = Buffer.allocUnsafe(bytes);
  for (let file = 0; file < count; file++) {
    const folder = join(dir, `folder-${Math.floor(file / FILES_PER_FOLDER)}`);
    if (file % FILES_PER_FOLDER === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file-${file}`), randomFillSync(block));
  }
}
