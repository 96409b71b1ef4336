import { HoldfastError } from "../base/error.ts";

export type CodecCode = "VERSION_UNKNOWN" | "FORMAT_MALFORMED";

/** Bytes that are not of a format that this version reads. */
export class CodecError extends HoldfastError<CodecCode> {}

/** The error of bytes that break their format. `what` names the format, `why` what is wrong with
 * it. */
export function malformed(what: string, why: string, cause?: unknown): CodecError {
  const options = cause === undefined ? {} : { cause };
  return new CodecError("FORMAT_MALFORMED", `${what}: ${why}`, options);
}

/** The error of a version that was not known when this was written. */
export function unknownVersion(what: string, got: number | bigint, known: number): CodecError {
  return new CodecError("VERSION_UNKNOWN", `${what}: version ${got}, known is ${known}`, {
    hint: "update holdfast: this was written by a newer version",
  });
}
