import { fromUtf8 } from "../../base/bytes.ts";
import { HoldfastError, codeOf } from "../../base/error.ts";
import { VolumeError } from "../error.ts";

/** What is in the way, by the operating system's code. */
const REASONS = new Map<string, readonly [why: string, hint: string]>([
  ["EISDIR", ["a directory is in the way", "move it away, or name another target"]],
  ["ENOTEMPTY", ["a directory is in the way", "move it away, or name another target"]],
  ["ENOTDIR", ["a file is in the way of a directory", "move it away, or name another target"]],
  ["ELOOP", ["a symbolic link is in the way", "name what it points to, or remove the link"]],
  ["EEXIST", ["a device, pipe or socket is in the way", "name another target"]],
  ["ENOENT", ["there is no directory for it", "make the directory that it goes into"]],
  ["EACCES", ["permission denied", "the daemon writes as the user that it runs as"]],
  ["EPERM", ["permission denied", "the daemon writes as the user that it runs as"]],
  ["EROFS", ["the file system is read-only", "name another target"]],
  ["ENAMETOOLONG", ["the path is too long for this system", "name a target with a shorter path"]],
  ["EILSEQ", ["the file system does not take this name", "name a target on another disk"]],
]);

/** The coded error for what a target said. Coded errors stay as they are. */
export function targetError(error: unknown, path: Uint8Array): Error {
  if (error instanceof HoldfastError) return error;
  const shown = JSON.stringify(fromUtf8(path) ?? String.fromCharCode(...path));
  const code = codeOf(error) ?? "unknown";
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new VolumeError("TARGET_FULL", `no space left to write ${shown}`, {
      cause: error,
      hint: "make room there, or name another target, and get it again",
    });
  }
  const [why, hint] = REASONS.get(code) ?? [`the system says ${code}`, "name another target"];
  return new VolumeError("TARGET_BLOCKED", `cannot write ${shown}: ${why}`, { cause: error, hint });
}
