import { idBytes, idOf } from "../base/id.ts";
import type { AccountId, PeerId, ShardId } from "../base/id.ts";
import { SHARD_MAX_BYTES, SIGNED_BODY_MAX_BYTES } from "../base/limits.ts";
import { decodeVersioned, encodeCbor, readBytes, readUint } from "./cbor.ts";
import { malformed } from "./error.ts";

/** A holder's permission to upload one shard once: DSSS's introduction key. */
export interface Ticket {
  /** Who signs it. */
  holder: PeerId;
  /** Who may upload. */
  peer: PeerId;
  account: AccountId;
  shard: ShardId;
  /** 1 to SHARD_MAX_BYTES. */
  lengthBytes: number;
  /** 16 random bytes: by them the holder knows which tickets were used. */
  number: Uint8Array;
  /** Wall-clock time from which on it is void. */
  expiresMs: number;
}

const VERSION = 1;
const WHAT = "ticket";

/** Encodes a ticket's body; the holder signs it for "ticket". */
export function encodeTicket(ticket: Ticket): Uint8Array {
  return encodeCbor([
    VERSION,
    idBytes(ticket.holder),
    idBytes(ticket.peer),
    idBytes(ticket.account),
    idBytes(ticket.shard),
    ticket.lengthBytes,
    ticket.number,
    ticket.expiresMs,
  ]);
}

/** @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED
 * @see docs/format/ticket.md */
export function decodeTicket(bytes: Uint8Array): Ticket {
  const parts = decodeVersioned(bytes, WHAT, VERSION, 7, SIGNED_BODY_MAX_BYTES);
  const lengthBytes = readUint(parts[4], "ticket: length", SHARD_MAX_BYTES);
  if (lengthBytes === 0) throw malformed(WHAT, "for an empty shard");
  return {
    holder: idOf(readBytes(parts[0], "ticket: holder", 32)),
    peer: idOf(readBytes(parts[1], "ticket: peer", 32)),
    account: idOf(readBytes(parts[2], "ticket: account", 32)),
    shard: idOf(readBytes(parts[3], "ticket: shard", 32)),
    lengthBytes,
    number: readBytes(parts[5], "ticket: number", 16),
    expiresMs: readUint(parts[6], "ticket: expiry"),
  };
}
