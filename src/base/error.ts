/** What every coded error of Holdfast has in common. Each layer has one subclass with its own
 * union of codes.
 * The message names the thing, what was got and what was wanted; lower case, never a secret.
 * @see docs/errors.md */
export class HoldfastError<Code extends string = string> extends Error {
  readonly code: Code;
  /** What the user can do about it, one short sentence; the command line prints it after `hint:`.
   * */
  readonly hint: string | undefined;

  constructor(code: Code, message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
  }
}

/** The code of any error: a coded one of ours or of the operating system, else undefined. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
