import { SwarmError, type SwarmCode } from "../error.ts";

/** What the person with the invitation can do about each refusal. */
const HINTS = {
  CHAIN_FULL: "ask somebody who joined earlier for an invitation",
  FOUNDER_UNKNOWN: "ask whoever founded the swarm for an invitation, and join with it",
  INVITATION_EXPIRED: "ask for a new invitation; check the clock if this one should still hold",
  INVITATION_FORGED: "ask the person who invited you for a new invitation",
  INVITATION_MISTYPED: "copy the whole invitation again, from holdfast:// to its last character",
  INVITATION_OTHER_SWARM: "ask for an invitation to the swarm that you want to join",
  INVITATION_REVOKED: "ask for a new invitation: the swarm's key has changed since this one",
  INVITATION_UNANSWERED: "check this machine's network, or ask for an invitation that is newer",
  INVITATION_USED_UP: "ask for a new invitation, or for one with more uses",
  REKEY_FORGED: "nothing to do: only the swarm's founder changes its key",
  REKEY_LEFT_BEHIND: "ask a member for a new invitation",
  REKEY_NONE: "nothing to do: the swarm's key is the one you have",
  SWARM_OPEN: "anybody joins an open swarm with its printed invitation",
} as const satisfies Partial<Record<SwarmCode, string>>;

export type MembershipCode = keyof typeof HINTS;

/** Whether a refusal is one of membership. */
export function isMembershipCode(code: string | undefined): code is MembershipCode {
  return code !== undefined && Object.hasOwn(HINTS, code);
}

/** A refusal, with what the person concerned can do about it. */
export function membershipError(code: MembershipCode, why: string, cause?: unknown): SwarmError {
  return new SwarmError(code, why, { cause, hint: HINTS[code] });
}
