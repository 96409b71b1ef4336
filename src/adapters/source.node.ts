import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { readdirSync, readlinkSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { HoldfastError, codeOf } from "../base/error.ts";
import { fromUtf8 } from "../base/bytes.ts";
import type { SourceFile, SourceFiles, SourceStat } from "../ports/source.ts";

export type SourceCode = "FILE_MISSING" | "FILE_UNREADABLE";

/** Something of the user's disk that cannot be read. */
export class SourceError extends HoldfastError<SourceCode> {}

/** The user's files through `node:fs`, synchronously. */
export const nodeSourceFiles: SourceFiles = {
  stat: (path) => guarded(path, () => statOf(lstatSync(asPath(path), { bigint: true }))),
  names: (path) => guarded(path, () => readdirSync(asPath(path), { encoding: "buffer" })),
  readLink: (path) => guarded(path, () => readlinkSync(asPath(path), { encoding: "buffer" })),
  open: (path) => guarded(path, () => openFile(path)),
};

function openFile(path: Uint8Array): SourceFile {
  // Non-blocking, so that a pipe which took the file's place does not stop the worker.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const descriptor = openSync(asPath(path), flags);
  return {
    stat: () => guarded(path, () => statOf(fstatSync(descriptor, { bigint: true }))),
    read: (target, offset) =>
      guarded(path, () => readSync(descriptor, target, 0, target.length, offset)),
    close: () => closeSync(descriptor),
  };
}

function statOf(stats: BigIntStats): SourceStat {
  return {
    kind: kindOf(stats),
    sizeBytes: Number(stats.size),
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
    mode: Number(stats.mode),
    inode: stats.ino,
  };
}

function kindOf(stats: BigIntStats): SourceStat["kind"] {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  return stats.isSymbolicLink() ? "symlink" : "other";
}

function asPath(path: Uint8Array): Buffer {
  return Buffer.from(path.buffer, path.byteOffset, path.byteLength);
}

function guarded<T>(path: Uint8Array, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const shown = JSON.stringify(fromUtf8(path) ?? String.fromCharCode(...path));
    const reason = codeOf(cause);
    if (reason === "ENOENT" || reason === "ENOTDIR") {
      throw new SourceError("FILE_MISSING", `there is no file ${shown}`, {
        cause,
        hint: "check the path; it is taken on this machine, relative to where you are",
      });
    }
    throw new SourceError("FILE_UNREADABLE", `cannot read ${shown}: ${reason ?? "unknown"}`, {
      cause,
      hint: "the daemon reads it as the user that it runs as: check its permissions",
    });
  }
}
