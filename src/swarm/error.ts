import { HoldfastError } from "../base/error.ts";

export type SwarmCode =
  | "AGENTS_MANY"
  | "AGENT_SILENT"
  | "AGENT_UNKNOWN"
  | "ANSWER_MALFORMED"
  | "BODY_TOO_LARGE"
  | "CERTIFICATE_REFUSED"
  | "DIALOGUE_BROKEN"
  | "INTRODUCTION_REFUSED"
  | "LENGTH_REQUIRED"
  | "MEMBERS_ONLY"
  | "METHOD_REFUSED"
  | "PATH_UNKNOWN"
  | "PEER_FAILED"
  | "PEER_LIST_INVALID"
  | "PEER_REFUSED"
  | "RANGE_UNSATISFIABLE"
  | "RECEIPT_FORGED"
  | "RECORD_FORGED"
  | "RECORD_MISSING"
  | "RECORD_REFUSED"
  | "RECORD_SPACE_FULL"
  | "REQUEST_MALFORMED"
  | "SHARD_FORGED"
  | "SHARD_NOT_HELD"
  | "TRACKER_BUSY"
  | "TRACKER_MISSING";

/** A peer that says something it may not say, or refuses. The message names it. */
export class SwarmError extends HoldfastError<SwarmCode> {
  /** With PEER_REFUSED: the peer's own code for why. */
  readonly refusal: string | undefined;

  constructor(
    code: SwarmCode,
    message: string,
    options: { cause?: unknown; hint?: string; refusal?: string } = {},
  ) {
    super(code, message, options);
    this.refusal = options.refusal;
  }
}
