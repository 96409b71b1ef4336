import { idBytes, idOf, type Epoch, type Id } from "../base/id.ts";
import {
  KIB,
  RECORD_VALUES_MAX,
  REQUEST_BODY_MAX_BYTES,
  SHARD_MAX_BYTES,
  TICKET_MAX_BYTES,
  TICKETS_PER_REQUEST_MAX,
} from "../base/limits.ts";
import {
  decodeVersioned,
  encodeCbor,
  readArray,
  readBytes,
  readText,
  readUint,
} from "../codec/cbor.ts";
import { malformed } from "../codec/error.ts";
import { RECORD_MAX_BYTES } from "../codec/record.ts";
import type { ShardWish, TicketGrant } from "../ports/holder.ts";

/** Bodies of the peer protocol that have no format of their own.
 * @see docs/protocol.md */

const VERSION = 1;
const EPOCH_MAX = 0xffff_ffff;
const ID_BYTES = 32;
/** Two records and the little around them. */
export const RECORDS_ANSWER_MAX_BYTES = RECORD_VALUES_MAX * RECORD_MAX_BYTES + KIB;

/** Body of `POST /v1/tickets`: `[1, epoch, [[shard id, length], …]]`. */
export function encodeWishes(wishes: readonly ShardWish[], epoch: Epoch): Uint8Array {
  const pairs = wishes.map(({ id, lengthBytes }) => [idBytes(id), lengthBytes]);
  return encodeCbor([VERSION, epoch, pairs]);
}

/** @throws CodecError */
export function decodeWishes(bytes: Uint8Array): { wishes: ShardWish[]; epoch: Epoch } {
  const parts = decodeVersioned(bytes, "wishes", VERSION, 2, REQUEST_BODY_MAX_BYTES);
  const wishes = readArray(parts[1], "wishes", TICKETS_PER_REQUEST_MAX).map((item) => {
    const pair = readPair(item, "wish");
    const lengthBytes = readUint(pair[1], "wish: length", SHARD_MAX_BYTES);
    return { id: idOf(readBytes(pair[0], "wish: id", ID_BYTES)), lengthBytes };
  });
  return { wishes, epoch: readUint(parts[0], "wishes: epoch", EPOCH_MAX) };
}

/** Answer to wishes, in order: `[1, [[0, ticket] | [1, receipt] | [2, code, message], …]]`. */
export function encodeGrants(grants: readonly TicketGrant[]): Uint8Array {
  const items = grants.map((grant) => {
    if (grant.outcome === "granted") return [0, grant.ticket];
    if (grant.outcome === "held") return [1, grant.receipt];
    return [2, grant.code.slice(0, 64), grant.message.slice(0, 512)];
  });
  return encodeCbor([VERSION, items]);
}

/** Reads the answer to `wishes`.
 * @throws CodecError */
export function decodeGrants(bytes: Uint8Array, wishes: readonly ShardWish[]): TicketGrant[] {
  const [list] = decodeVersioned(bytes, "grants", VERSION, 1, REQUEST_BODY_MAX_BYTES);
  const items = readArray(list, "grants", TICKETS_PER_REQUEST_MAX);
  if (items.length !== wishes.length) {
    throw malformed("grants", `${items.length} answers to ${wishes.length} wishes`);
  }
  return wishes.map(({ id }, index) => {
    const parts = readArray(items[index], "grant", 3);
    const outcome = readUint(parts[0], "grant: outcome", 2);
    if (outcome === 2) {
      const code = readText(parts[1], "grant: code", 64);
      return { id, outcome: "refused", code, message: readText(parts[2], "grant: message", 512) };
    }
    const signed = readBytes(parts[1], "grant: ticket or receipt");
    if (signed.length > TICKET_MAX_BYTES) throw malformed("grant", "a ticket that is too long");
    return outcome === 0
      ? { id, outcome: "granted", ticket: signed }
      : { id, outcome: "held", receipt: signed };
  });
}

/** Body of `POST /v1/have`: the ids' 32 bytes one after the other. */
export function encodeIds(ids: readonly Id[]): Uint8Array {
  const bytes = new Uint8Array(ids.length * ID_BYTES);
  ids.forEach((id, index) => bytes.set(idBytes(id), index * ID_BYTES));
  return bytes;
}

/** @throws CodecError */
export function decodeIds(bytes: Uint8Array, max: number): Id[] {
  const count = bytes.length / ID_BYTES;
  if (!Number.isInteger(count)) throw malformed("ids", `${bytes.length} bytes are no whole ids`);
  if (count > max) throw malformed("ids", `${count} ids, at most ${max}`);
  return Array.from({ length: count }, (_, index) =>
    idOf(bytes.subarray(index * ID_BYTES, (index + 1) * ID_BYTES)),
  );
}

/** Answer to `POST /v1/have`: bit `i & 7` of byte `i >> 3` is set where id `i` is held. */
export function encodeBitmap(bits: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, index) => {
    if (bit) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index & 7));
  });
  return bytes;
}

/** @throws CodecError */
export function decodeBitmap(bytes: Uint8Array, count: number): boolean[] {
  if (bytes.length !== Math.ceil(count / 8)) {
    throw malformed("bitmap", `${bytes.length} bytes for ${count} ids`);
  }
  return Array.from(
    { length: count },
    (_, index) => (((bytes[index >> 3] ?? 0) >> (index & 7)) & 1) === 1,
  );
}

/** What a keeper did with a record. `newer`: it has a higher number. `forked`: it has another value
 * of the same number. */
export type RecordOutcome = "kept" | "newer" | "forked";
const OUTCOMES: readonly RecordOutcome[] = ["kept", "newer", "forked"];

/** Answer to `GET` and `POST /v1/records/<key>`: `[1, outcome, [record, …]]`, with all that the
 * keeper has now under the key. */
export function encodeKept(outcome: RecordOutcome, records: readonly Uint8Array[]): Uint8Array {
  return encodeCbor([VERSION, OUTCOMES.indexOf(outcome), [...records]]);
}

/** @throws CodecError */
export function decodeKept(bytes: Uint8Array): { outcome: RecordOutcome; records: Uint8Array[] } {
  const parts = decodeVersioned(bytes, "records", VERSION, 2, RECORDS_ANSWER_MAX_BYTES);
  const outcome = OUTCOMES[readUint(parts[0], "records: outcome", OUTCOMES.length - 1)] ?? "kept";
  const records = readArray(parts[1], "records", RECORD_VALUES_MAX);
  return { outcome, records: records.map((record) => readBytes(record, "record")) };
}

/** Answer to `GET /v1/peers`: `[1, [signed card, …]]`. */
export function encodeCards(cards: readonly Uint8Array[]): Uint8Array {
  return encodeCbor([VERSION, [...cards]]);
}

/** @throws CodecError */
export function decodeCards(bytes: Uint8Array, max: number): Uint8Array[] {
  const [list] = decodeVersioned(bytes, "peer cards", VERSION, 1, REQUEST_BODY_MAX_BYTES);
  return readArray(list, "peer cards", max).map((card) => readBytes(card, "peer card"));
}

function readPair(value: unknown, name: string): unknown[] {
  const pair = readArray(value, name, 2);
  if (pair.length !== 2) throw malformed(name, "not a pair");
  return pair;
}
