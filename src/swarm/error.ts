import { HoldfastError } from "../base/error.ts";

export type SwarmCode =
  | "AGENTS_MANY"
  | "AGENT_SILENT"
  | "AGENT_UNKNOWN"
  | "ANSWER_MALFORMED"
  | "ASKED_TOO_OFTEN"
  | "BODY_TOO_LARGE"
  | "CERTIFICATE_REFUSED"
  | "CHAIN_FULL"
  | "DIALOGUE_BROKEN"
  | "DIAL_BACK_REFUSED"
  | "FOUNDER_UNKNOWN"
  | "GUEST_REFUSED"
  | "INTRODUCTION_REFUSED"
  | "INVITATION_EXPIRED"
  | "INVITATION_FORGED"
  | "INVITATION_MISTYPED"
  | "INVITATION_OTHER_SWARM"
  | "INVITATION_REVOKED"
  | "INVITATION_UNANSWERED"
  | "INVITATION_USED_UP"
  | "LENGTH_REQUIRED"
  | "MEMBERS_ONLY"
  | "METHOD_REFUSED"
  | "PATH_UNKNOWN"
  | "PEER_AWAY"
  | "PEER_BUSY"
  | "PEER_FAILED"
  | "PEER_LIST_INVALID"
  | "PEER_REFUSED"
  | "RANGE_UNSATISFIABLE"
  | "RECEIPT_FORGED"
  | "RECORD_FORGED"
  | "RECORD_MISSING"
  | "RECORD_REFUSED"
  | "RECORD_SPACE_FULL"
  | "REKEY_FORGED"
  | "REKEY_LEFT_BEHIND"
  | "REKEY_NONE"
  | "REQUEST_MALFORMED"
  | "SHARD_FORGED"
  | "SHARD_NOT_HELD"
  | "SWARM_OPEN"
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
