import { messageOf } from "../../base/error.ts";
import { idOf, type AccountId, type PeerId } from "../../base/id.ts";
import {
  ADMISSION_AGAIN_MS,
  ADMISSION_ASKED_AT_ONCE,
  ADMISSION_TRIES_MAX,
  CARD_FUTURE_MAX_MS,
  SWARM_STATE_MAX_BYTES,
} from "../../base/limits.ts";
import { mapBounded } from "../../base/concurrency.ts";
import { encodeAdmissionRequest } from "../../codec/admission.ts";
import type { CardBody } from "../../codec/card.ts";
import { CodecError } from "../../codec/error.ts";
import type { ClosedInvitation, Invitation } from "../../codec/invitation.ts";
import type { SwarmState } from "../../codec/swarm-state.ts";
import { swarmIdOf } from "../../crypto/swarm-key.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Net } from "../../ports/net.ts";
import { openCard } from "../card-book.ts";
import { refusalOf } from "../client.ts";
import { SwarmError } from "../error.ts";
import { durationText } from "./admit.ts";
import { openAnswer } from "./answer.ts";
import { isMembershipCode, membershipError } from "./refusal.ts";

/** Path at which guests ask to be let in. */
export const ADMIT_PATH = "/v1/admit";

/** Who wants to come in. */
export interface JoinOptions {
  /** Knocks with the invitation's lobby key, and knows the addresses of its cards. Not used for an
   * open swarm. */
  net: Net;
  invitation: Invitation;
  account: AccountId;
  self: PeerId;
  /** This peer's signed device certificate. */
  certificate: Uint8Array;
  clock: Clock;
}

/** What a newcomer has. */
export interface Joined {
  state: SwarmState;
  /** Who let it in; undefined for an open swarm. */
  admittedBy?: PeerId;
}

/** The cards of an invitation; one that its peer did not sign is left out. */
export function invitationCards(invitation: Invitation): CardBody[] {
  return invitation.cards.flatMap((card) => {
    try {
      return [openCard(card)];
    } catch (error) {
      if (error instanceof CodecError) return [];
      throw error;
    }
  });
}

/** Asks the members that an invitation names, a few at once, until one lets this peer in, and
 * believes nothing of the answer that the invitation does not vouch for.
 * @throws SwarmError with the first reason for which a member refuses, or INVITATION_UNANSWERED;
 *   the signal's reason */
export async function joinWith(options: JoinOptions, signal: AbortSignal): Promise<Joined> {
  const { invitation } = options;
  if (invitation.kind === "open") return { state: openState(invitation) };
  const failures: unknown[] = [];
  const done = new AbortController();
  const either = AbortSignal.any([signal, done.signal]);
  let joined: Joined | undefined;
  const hosts = [...new Set(invitationCards(invitation).map(({ id }) => id))];
  await mapBounded(hosts, ADMISSION_ASKED_AT_ONCE, async (peer) => {
    if (joined !== undefined) return;
    try {
      const state = await ask(options, invitation, peer, either);
      joined ??= { state, admittedBy: peer };
      done.abort();
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
    }
  });
  if (joined !== undefined) return joined;
  throw worstOf(failures, hosts.length, clockDoubt(invitation, options.clock.nowMs()));
}

async function ask(
  options: JoinOptions,
  invitation: ClosedInvitation,
  peer: PeerId,
  signal: AbortSignal,
): Promise<SwarmState> {
  const { token, chain } = invitation;
  const body = encodeAdmissionRequest({
    token,
    chain: [...chain],
    certificate: options.certificate,
  });
  const request = { method: "POST", path: ADMIT_PATH, body } as const;
  const limited = { ...request, bodyMaxBytes: SWARM_STATE_MAX_BYTES };
  for (let tries = 1; ; tries++) {
    const answer = await options.net.request(peer, limited, signal);
    if (answer.status === 200) return openAnswer(peer, options, invitation, answer.body);
    const refused = refusalOf(peer, ADMIT_PATH, answer);
    // Many others ask at the same time.
    const isLate = refused.refusal === "ASKED_TOO_OFTEN" && tries < ADMISSION_TRIES_MAX;
    if (!isLate) throw refused;
    await options.clock.sleep(ADMISSION_AGAIN_MS, signal);
  }
}

function openState(invitation: Extract<Invitation, { kind: "open" }>): SwarmState {
  const { swarm, founder, keyNumber, key, content } = invitation;
  if (idOf(swarmIdOf(content)) !== swarm) {
    throw membershipError("INVITATION_FORGED", "its secret is not that of the swarm it names");
  }
  return { id: swarm, founder, open: true, content, keys: [{ number: keyNumber, key }], chain: [] };
}

/** Of all that went wrong, what says the most: a member's reason before a failed connection. */
function worstOf(
  failures: readonly unknown[],
  asked: number,
  doubt: ClockDoubt | undefined,
): SwarmError {
  for (const failure of failures) {
    if (failure instanceof SwarmError && isMembershipCode(failure.refusal)) {
      return membershipError(failure.refusal, failure.message, failure);
    }
  }
  const told = failures.map(messageOf).join("; ");
  const text = asked === 0 ? "it names no members" : `none of its ${asked} members let us in`;
  const why = told === "" ? text : `${text}: ${told}`;
  if (doubt === undefined || failures.length === 0) {
    return membershipError("INVITATION_UNANSWERED", `the invitation: ${why}`, failures[0]);
  }
  const [cause] = failures;
  const { text: about, hint } = doubt;
  return new SwarmError("INVITATION_UNANSWERED", `${about}; the invitation: ${why}`, {
    cause,
    hint,
  });
}

interface ClockDoubt {
  text: string;
  hint: string;
}

/** Whether this machine's clock may be why nobody answers: members give no answer to a knock that
 * is too old or too new for them. The invitation has the times at which its members signed. */
function clockDoubt(invitation: Invitation, nowMs: number): ClockDoubt | undefined {
  const madeMs = invitationCards(invitation)
    .map(({ timeMs }) => timeMs)
    .sort((a, b) => a - b);
  // One member whose own clock is ahead makes nobody else's wrong.
  const middleMs = madeMs[Math.floor((madeMs.length - 1) / 2)] ?? nowMs;
  const newestMs = madeMs.at(-1) ?? nowMs;
  if (middleMs - nowMs > CARD_FUTURE_MAX_MS) {
    const span = durationText(middleMs - nowMs);
    return {
      text: `this machine's clock is wrong: the invitation was made ${span} after the time it shows`,
      hint: "set this machine's clock, then join again",
    };
  }
  if (nowMs - newestMs > CARD_FUTURE_MAX_MS) {
    return {
      text: `by this machine's clock the invitation was made ${durationText(nowMs - newestMs)} ago`,
      hint: "if that is not so, set this machine's clock; else ask for an invitation that is newer",
    };
  }
  return undefined;
}
