import { CHAIN_LINKS_MAX, INVITATION_LIFETIME_MAX_MS } from "../../base/limits.ts";
import type { AccountId, PeerId } from "../../base/id.ts";
import type { ChainLink } from "../../codec/admission.ts";
import type { InvitationToken } from "../../codec/invitation.ts";
import { encodeSwarmState, type SwarmState } from "../../codec/swarm-state.ts";
import type { SigningKey } from "../../crypto/sign.node.ts";
import { isChainFree, signAdmission, type RekeyPeers } from "./chain.ts";
import { ownChain } from "./invitation.ts";
import type { CheckLink } from "./link-checks.ts";
import { membershipError } from "./refusal.ts";
import { openRekey } from "./rekey.ts";
import { openToken } from "./token.ts";

/** How far the clock of an inviter may be ahead. */
const CLOCK_SLACK_MS = 2 * 86_400_000;

/** Checks an invitation that a guest shows, but for how often it was used.
 * @param named whom the newest rekey names
 * @param check how the links of its chain are checked
 * @throws SwarmError INVITATION_EXPIRED | INVITATION_FORGED | INVITATION_OTHER_SWARM |
 *   INVITATION_REVOKED | FOUNDER_UNKNOWN | SWARM_OPEN; CodecError VERSION_UNKNOWN */
export function checkInvitation(
  state: SwarmState,
  named: RekeyPeers,
  shown: { token: Uint8Array; chain: readonly ChainLink[] },
  nowMs: number,
  check?: CheckLink,
): InvitationToken {
  const { id, founder, open } = state;
  if (open) throw membershipError("SWARM_OPEN", "nobody has to be admitted to an open swarm");
  if (founder === undefined) {
    const why = "this member was given the swarm's key, and cannot check invitations";
    throw membershipError("FOUNDER_UNKNOWN", why);
  }
  const token = openToken(id, founder, shown.token, shown.chain, check);
  if (named.excluded.has(token.inviter) || !isChainFree(shown.chain, named)) {
    throw membershipError("INVITATION_REVOKED", "its inviter is no member of the swarm any more");
  }
  if (token.keyNumber < newestNumber(state)) {
    const why = `the swarm's key has changed since: it was ${token.keyNumber} then`;
    throw membershipError("INVITATION_REVOKED", why);
  }
  if (token.expiresMs <= nowMs) {
    const ago = durationText(nowMs - token.expiresMs);
    throw membershipError("INVITATION_EXPIRED", `it ended ${ago} ago by this member's clock`);
  }
  if (token.expiresMs > nowMs + INVITATION_LIFETIME_MAX_MS + CLOCK_SLACK_MS) {
    throw membershipError("INVITATION_FORGED", "it wants to last longer than an invitation may");
  }
  return token;
}

/** Lets a guest in whose invitation was checked and counted: signs its admission.
 * @param root this member's account key
 * @returns the encoded state for the newcomer
 * @throws SwarmError CHAIN_FULL | FOUNDER_UNKNOWN
 * @see docs/format/swarm.md */
export function admit(
  state: SwarmState,
  root: SigningKey,
  guest: { account: AccountId; peer: PeerId },
  token: InvitationToken,
  nowMs: number,
): Uint8Array {
  checkMayAdmit(state, root);
  const { account, peer } = guest;
  const admission = { account, peer, token: token.id, timeMs: nowMs };
  const link = signAdmission(root, state.id, admission);
  const [{ number, key }] = state.keys;
  return encodeSwarmState({
    ...state,
    keys: [{ number, key }],
    chain: [...ownChain(state, root), link],
  });
}

/** Whether this member's own chain has room for another admission: asked before a use is counted.
 * @throws SwarmError CHAIN_FULL | FOUNDER_UNKNOWN */
export function checkMayAdmit(state: SwarmState, root: SigningKey): void {
  const chain = ownChain(state, root);
  if (chain.length >= CHAIN_LINKS_MAX) {
    const why = `between this member and the founder are ${chain.length} admissions already`;
    throw membershipError("CHAIN_FULL", why);
  }
}

/** The number of the newest key, the founder's own that is still on its way included. */
function newestNumber(state: SwarmState): number {
  const { number } = state.keys[0];
  return state.rekey === undefined
    ? number
    : Math.max(number, openRekey(state, state.rekey).number);
}

/** A time that has passed, for people: in the largest unit of which there are two. */
export function durationText(durationMs: number): string {
  const minutes = Math.ceil(durationMs / 60_000);
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2_880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1_440)} days`;
}
