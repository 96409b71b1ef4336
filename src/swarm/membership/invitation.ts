import { base64UrlDecode, base64UrlEncode } from "../../base/base64url.ts";
import { concatBytes, equalBytes } from "../../base/bytes.ts";
import { idOf, type PeerId } from "../../base/id.ts";
import {
  INVITATION_CARDS_MAX,
  INVITATION_CARDS_MIN,
  INVITATION_LIFETIME_MAX_MS,
  INVITATION_MAX_BYTES,
  INVITATION_QR_MAX_CHARS,
} from "../../base/limits.ts";
import type { ChainLink } from "../../codec/admission.ts";
import { decodeInvitation, encodeInvitation, type Invitation } from "../../codec/invitation.ts";
import type { SwarmState } from "../../codec/swarm-state.ts";
import { deriveKey } from "../../crypto/hash.node.ts";
import type { SigningKey } from "../../crypto/sign.node.ts";
import { lobbyKeyOf, swarmIdOf } from "../../crypto/swarm-key.ts";
import type { Random } from "../../ports/random.ts";
import type { SwarmError } from "../error.ts";
import { membershipError } from "./refusal.ts";
import { openToken, signToken } from "./token.ts";

/** What every invitation begins with. */
export const INVITATION_PREFIX = "holdfast://join/";
const CHECKSUM_BYTES = 4;
const TOKEN_ID_BYTES = 16;
const TEXT_MAX_CHARS =
  INVITATION_PREFIX.length + Math.ceil(((INVITATION_MAX_BYTES + CHECKSUM_BYTES) * 4) / 3);

/** What an invitation is made of. */
export interface InvitationWish {
  state: SwarmState;
  /** The inviter's account key, and its peer. */
  root: SigningKey;
  self: PeerId;
  /** Signed cards of members that can be reached, the best first. The first three are in the
   * invitation; up to five where a QR code still holds it. */
  cards: readonly Uint8Array[];
  nowMs: number;
  /** When it ends, at most INVITATION_LIFETIME_MAX_MS from now. */
  expiresMs: number;
  uses: number;
  vouchBytes?: number;
  random: Random;
}

/** Makes an invitation to the swarm. For an open one it is what is printed: it has no end.
 * @throws SwarmError FOUNDER_UNKNOWN; RangeError for an end that is past or too far ahead */
export function createInvitation(wish: InvitationWish): { text: string; invitation: Invitation } {
  const bare = bareInvitation(wish);
  let best: { text: string; invitation: Invitation } | undefined;
  for (let count = 0; count <= Math.min(wish.cards.length, INVITATION_CARDS_MAX); count++) {
    const invitation = { ...bare, cards: wish.cards.slice(0, count) };
    const text = invitationText(invitation);
    if (count > INVITATION_CARDS_MIN && text.length > INVITATION_QR_MAX_CHARS) break;
    best = { text, invitation };
  }
  return best ?? { text: invitationText(bare), invitation: bare };
}

function bareInvitation(wish: InvitationWish): Invitation {
  const { state, root, self, nowMs, expiresMs, uses, vouchBytes, random } = wish;
  const { id: swarm, founder } = state;
  if (founder === undefined) {
    const why = "this home was given the swarm's key, and does not know who founded the swarm";
    throw membershipError("FOUNDER_UNKNOWN", why);
  }
  const { number: keyNumber, key } = state.keys[0];
  if (state.open) {
    return { kind: "open", swarm, founder, keyNumber, key, content: state.content, cards: [] };
  }
  if (expiresMs <= nowMs || expiresMs > nowMs + INVITATION_LIFETIME_MAX_MS) {
    throw new RangeError(`an invitation lasts up to ${INVITATION_LIFETIME_MAX_MS} ms`);
  }
  const token = { swarm, id: random.bytes(TOKEN_ID_BYTES), inviter: self, keyNumber };
  const limits = { expiresMs, uses, vouchBytes: vouchBytes ?? 0 };
  return {
    kind: "closed",
    swarm,
    lobby: new Uint8Array(lobbyKeyOf(key)),
    founder,
    token: signToken(root, { ...token, ...limits }),
    chain: ownChain(state, root),
    cards: [],
  };
}

/** The chain under which this home speaks for its swarm: the founder needs none. */
export function ownChain(state: SwarmState, root: SigningKey): readonly ChainLink[] {
  return state.founder === idOf(root.publicKey) ? [] : state.chain;
}

/** An invitation as people hand it on: `holdfast://join/` ‖ base64url of (CBOR ‖ checksum 4).
 * @see docs/format/invitation.md */
export function invitationText(invitation: Invitation): string {
  const bytes = encodeInvitation(invitation);
  return `${INVITATION_PREFIX}${base64UrlEncode(concatBytes(bytes, checksumOf(bytes)))}`;
}

/** Reads an invitation that somebody was given: its checksum, and that what is signed in it holds.
 * White space is passed over, as mail programs break long lines. Whether it has ended is for
 * members to say: this machine's clock may be wrong.
 * @throws SwarmError INVITATION_MISTYPED | INVITATION_FORGED | INVITATION_OTHER_SWARM;
 *   CodecError VERSION_UNKNOWN | FORMAT_MALFORMED */
export function parseInvitation(text: string): Invitation {
  if (text.length > 2 * TEXT_MAX_CHARS) throw mistyped("it is too long");
  const bare = text.replaceAll(/\s/g, "");
  if (!bare.startsWith(INVITATION_PREFIX)) {
    throw mistyped(`it does not begin with ${INVITATION_PREFIX}`);
  }
  if (bare.length > TEXT_MAX_CHARS) throw mistyped("it is too long");
  const bytes = base64UrlDecode(bare.slice(INVITATION_PREFIX.length));
  if (bytes === undefined) throw mistyped("a character is wrong, or some are missing");
  const end = bytes.length - CHECKSUM_BYTES;
  const body = bytes.subarray(0, Math.max(0, end));
  if (end <= 0 || !equalBytes(checksumOf(body), bytes.subarray(end))) {
    throw mistyped("a character is wrong, or some are missing");
  }
  const invitation = decodeInvitation(body);
  check(invitation);
  return invitation;
}

function check(invitation: Invitation): void {
  const { swarm, founder } = invitation;
  if (invitation.kind === "closed") {
    openToken(swarm, founder, invitation.token, invitation.chain);
  } else if (idOf(swarmIdOf(invitation.content)) !== swarm) {
    throw membershipError("INVITATION_FORGED", "its secret is not that of the swarm it names");
  }
}

function checksumOf(bytes: Uint8Array): Uint8Array {
  return deriveKey("invitation", bytes).subarray(0, CHECKSUM_BYTES);
}

function mistyped(why: string): SwarmError {
  return membershipError("INVITATION_MISTYPED", `this is no whole invitation: ${why}`);
}
