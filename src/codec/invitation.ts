import { ID_BYTES, idBytes, idOf } from "../base/id.ts";
import type { AccountId, Id, PeerId } from "../base/id.ts";
import {
  INVITATION_CARDS_MAX,
  INVITATION_MAX_BYTES,
  INVITATION_USES_MAX,
  SIGNED_BODY_MAX_BYTES,
} from "../base/limits.ts";
import { chainValue, readChain, type ChainLink } from "./admission.ts";
import { decodeVersioned, encodeCbor, readArray, readBytes, readUint } from "./cbor.ts";
import { malformed } from "./error.ts";

/** What an inviter signs: leave for so many guests to come in. */
export interface InvitationToken {
  swarm: Id;
  /** 16 random bytes. */
  id: Uint8Array;
  /** The device that made it; its account is the signer. */
  inviter: PeerId;
  /** Of the network key at that time: a rekey ends all invitations from before. */
  keyNumber: number;
  expiresMs: number;
  /** Guests that may come in with it, 1 to INVITATION_USES_MAX. */
  uses: number;
  /** Storage that the inviter answers for; 0: none. */
  vouchBytes: number;
}

/** An invitation to a closed swarm: leave to knock at its lobby, and the token to show there. */
export interface ClosedInvitation {
  kind: "closed";
  swarm: Id;
  /** 32 bytes: the key to knock with. */
  lobby: Uint8Array;
  founder: AccountId;
  /** The inviter's signed token. */
  token: Uint8Array;
  /** How the inviter came in. */
  chain: readonly ChainLink[];
  /** Signed cards of members to ask. */
  cards: readonly Uint8Array[];
}

/** An invitation to an open swarm: all that a member has. */
export interface OpenInvitation {
  kind: "open";
  swarm: Id;
  founder: AccountId;
  keyNumber: number;
  /** 32 bytes: the network key. */
  key: Uint8Array;
  /** 32 bytes: the content secret. */
  content: Uint8Array;
  cards: readonly Uint8Array[];
}

export type Invitation = ClosedInvitation | OpenInvitation;

const VERSION = 1;
const WHAT = "invitation";
const TOKEN = "invitation token";
const TOKEN_ID_BYTES = 16;
const CLOSED = 0;
const OPEN = 1;

/** Encodes a token's body; the inviter's account key signs it for "invitation token".
 * @throws CodecError FORMAT_MALFORMED for uses that no invitation may have */
export function encodeToken(token: InvitationToken): Uint8Array {
  const { swarm, id, inviter, keyNumber, expiresMs, uses, vouchBytes } = checked(token);
  const parts = [idBytes(swarm), id, idBytes(inviter), keyNumber, expiresMs, uses, vouchBytes];
  return encodeCbor([VERSION, ...parts]);
}

/** @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED
 * @see docs/format/invitation.md */
export function decodeToken(bytes: Uint8Array): InvitationToken {
  const parts = decodeVersioned(bytes, TOKEN, VERSION, 7, SIGNED_BODY_MAX_BYTES);
  return checked({
    swarm: idOf(readBytes(parts[0], `${TOKEN}: swarm`, ID_BYTES)),
    id: readBytes(parts[1], `${TOKEN}: id`, TOKEN_ID_BYTES),
    inviter: idOf(readBytes(parts[2], `${TOKEN}: inviter`, ID_BYTES)),
    keyNumber: readUint(parts[3], `${TOKEN}: key number`),
    expiresMs: readUint(parts[4], `${TOKEN}: expires`),
    uses: readUint(parts[5], `${TOKEN}: uses`),
    vouchBytes: readUint(parts[6], `${TOKEN}: vouch`),
  });
}

/** Encodes an invitation without the checksum that its text has. */
export function encodeInvitation(invitation: Invitation): Uint8Array {
  checkNumber(invitation.kind === "open" ? invitation.keyNumber : 1);
  const { swarm, founder, cards } = invitation;
  const inside =
    invitation.kind === "closed"
      ? [CLOSED, invitation.lobby, invitation.token, chainValue(invitation.chain)]
      : [OPEN, invitation.keyNumber, invitation.key, invitation.content];
  return encodeCbor([VERSION, idBytes(swarm), idBytes(founder), inside, [...cards]]);
}

/** Signatures inside are not checked.
 * @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED
 * @see docs/format/invitation.md */
export function decodeInvitation(bytes: Uint8Array): Invitation {
  const parts = decodeVersioned(bytes, WHAT, VERSION, 4, INVITATION_MAX_BYTES);
  const common = {
    swarm: idOf(readBytes(parts[0], `${WHAT}: swarm`, ID_BYTES)),
    founder: idOf(readBytes(parts[1], `${WHAT}: founder`, ID_BYTES)),
    cards: readArray(parts[3], `${WHAT}: cards`, INVITATION_CARDS_MAX).map((card) =>
      readBytes(card, `${WHAT}: card`),
    ),
  };
  const inside = readArray(parts[2], WHAT, 4);
  if (inside.length !== 4) throw malformed(WHAT, `${inside.length} parts of its kind`);
  if (readUint(inside[0], `${WHAT}: kind`, OPEN) === CLOSED) {
    return {
      kind: "closed",
      ...common,
      lobby: readBytes(inside[1], `${WHAT}: lobby key`, ID_BYTES),
      token: readBytes(inside[2], TOKEN),
      chain: readChain(inside[3]),
    };
  }
  return {
    kind: "open",
    ...common,
    keyNumber: checkNumber(readUint(inside[1], `${WHAT}: key number`)),
    key: readBytes(inside[2], `${WHAT}: network key`, ID_BYTES),
    content: readBytes(inside[3], `${WHAT}: content secret`, ID_BYTES),
  };
}

function checked(token: InvitationToken): InvitationToken {
  const { uses, keyNumber } = token;
  if (uses < 1 || uses > INVITATION_USES_MAX) throw malformed(TOKEN, `${uses} uses`);
  checkNumber(keyNumber);
  return token;
}

function checkNumber(keyNumber: number): number {
  if (keyNumber < 1) throw malformed(WHAT, `key number ${keyNumber}`);
  return keyNumber;
}
