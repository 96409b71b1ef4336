import { codeOf, messageOf } from "../base/error.ts";
import { DaemonError } from "./error.ts";

/** The coded error for what the operating system has refused in a home.
 * @param path the file or folder that it was about
 * @returns DaemonError HOME_FULL | HOME_UNUSABLE; what is a DaemonError already as it is */
export function homeFailure(path: string, cause: unknown): DaemonError {
  if (cause instanceof DaemonError) return cause;
  const code = codeOf(cause);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new DaemonError("HOME_FULL", `no space left to write ${path}`, {
      cause,
      hint: "free some space on that disk, and try again",
    });
  }
  return new DaemonError("HOME_UNUSABLE", `cannot use ${path}: ${messageOf(cause)}`, {
    cause,
    hint: "use a folder that this user can write, with --home or HOLDFAST_HOME",
  });
}
