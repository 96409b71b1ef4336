import { base64UrlEncode } from "../base/base64url.ts";
import { compareBytes, fromUtf8 } from "../base/bytes.ts";
import { messageOf } from "../base/error.ts";
import {
  epochOf,
  idBytes,
  parseId,
  type AccountId,
  type Id,
  type PeerId,
  type ShardId,
} from "../base/id.ts";
import {
  HAVE_IDS_MAX,
  KIB,
  LIST_PAGE_MAX,
  PEERS_PAGE_MAX,
  REQUEST_BODY_MAX_BYTES,
  TICKET_MAX_BYTES,
  TICKETS_PER_REQUEST_MAX,
} from "../base/limits.ts";
import type { CardBody } from "../codec/card.ts";
import { CodecError } from "../codec/error.ts";
import type { Receipt } from "../codec/receipt.ts";
import { encodeRecord, type RecordEntry } from "../codec/record.ts";
import type { Clock } from "../ports/clock.ts";
import type { ShardWish, TicketGrant } from "../ports/holder.ts";
import type { Net, PeerRequest, PeerResponse } from "../ports/net.ts";
import { CERTIFICATE_HEADER } from "./asker.ts";
import { SwarmError } from "./error.ts";
import { openCard } from "./card-book.ts";
import { openReceipt } from "./receipt.ts";
import { openRecord } from "./record.ts";
import type { Hello } from "./routes/route.ts";
import { TICKET_HEADER } from "./routes/shards.ts";
import { openProof, proofBytesMax, verifyShard } from "./verify.ts";
import {
  decodeBitmap,
  decodeCards,
  decodeGrants,
  decodeKept,
  encodeIds,
  encodeWishes,
  RECORDS_ANSWER_MAX_BYTES,
  type RecordOutcome,
} from "./wire.ts";

const ERROR_BODY_MAX_BYTES = 16 * KIB;

/** What a keeper has under a key, signatures checked. */
export interface KeptRecords {
  outcome: RecordOutcome;
  /** Of one number; two where the owner signed two values for it. */
  records: RecordEntry[];
}

/** Talks to one peer at a time, and believes nothing: what comes back is what was asked for, or a
 * coded error that names the peer.
 * @throws SwarmError; NetError; the signal's reason */
export interface PeerClient {
  hello(peer: PeerId, signal: AbortSignal): Promise<Hello>;
  /** Asks for permission to upload. One answer a wish, in their order. */
  reserve(peer: PeerId, wishes: readonly ShardWish[], signal: AbortSignal): Promise<TicketGrant[]>;
  /** Uploads a shard; the receipt is checked. `bytes` stay the caller's and must not change. */
  storeShard(
    peer: PeerId,
    id: ShardId,
    ticket: Uint8Array,
    bytes: Uint8Array,
    signal: AbortSignal,
  ): Promise<Receipt>;
  /** Reads a whole shard into `into`.
   * @returns the part of `into` that it takes; its bytes are checked against the id
   * @throws SwarmError SHARD_FORGED | SHARD_NOT_HELD | PEER_REFUSED */
  readShard(peer: PeerId, id: ShardId, into: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
  /** Reads bytes `[start, end)` of a shard of `lengthBytes`, proven by their leaves.
   * @throws as readShard */
  readRange(
    peer: PeerId,
    id: ShardId,
    range: { start: number; end: number; lengthBytes: number },
    signal: AbortSignal,
  ): Promise<Uint8Array>;
  /** Which of the ids the peer says it holds for our account. */
  have(peer: PeerId, ids: readonly ShardId[], signal: AbortSignal): Promise<boolean[]>;
  /** One page of the ids that the peer says it holds for our account. */
  list(
    peer: PeerId,
    after: ShardId | undefined,
    signal: AbortSignal,
  ): Promise<{ ids: ShardId[]; more: boolean }>;
  /** What the peer keeps under a key; no records where it has none. */
  readRecord(peer: PeerId, key: Id, signal: AbortSignal): Promise<KeptRecords>;
  /** Gives a record to a keeper. */
  writeRecord(peer: PeerId, record: RecordEntry, signal: AbortSignal): Promise<KeptRecords>;
  /** Cards that the peer knows, each checked. */
  peers(peer: PeerId, signal: AbortSignal): Promise<CardBody[]>;
}

export interface PeerClientOptions {
  net: Net;
  clock: Clock;
  /** For which account we speak, and its signed device certificate for this peer. */
  account: AccountId;
  certificate: Uint8Array;
}

/** Makes the peer protocol's client.
 * @see docs/protocol.md */
export function createPeerClient(options: PeerClientOptions): PeerClient {
  return new HttpPeerClient(options);
}

class HttpPeerClient implements PeerClient {
  readonly #net: Net;
  readonly #clock: Clock;
  readonly #account: AccountId;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ net, clock, account, certificate }: PeerClientOptions) {
    this.#net = net;
    this.#clock = clock;
    this.#account = account;
    this.#headers = { [CERTIFICATE_HEADER]: base64UrlEncode(certificate) };
  }

  async hello(peer: PeerId, signal: AbortSignal): Promise<Hello> {
    const request: PeerRequest = { method: "GET", path: "/v1/hello", bodyMaxBytes: 4 * KIB };
    const { body } = await this.#ask(peer, request, signal);
    const value = jsonOf(peer, body);
    const { protocol, version, offeredBytes, freeBytes, timeMs } = value;
    if (!isCount(protocol) || !isCount(offeredBytes) || !isCount(freeBytes)) {
      throw malformedAnswer(peer, "its hello lacks a number");
    }
    const hello = { protocol, version: String(version).slice(0, 64), offeredBytes, freeBytes };
    return isCount(timeMs) ? { ...hello, timeMs } : hello;
  }

  async reserve(
    peer: PeerId,
    wishes: readonly ShardWish[],
    signal: AbortSignal,
  ): Promise<TicketGrant[]> {
    const grants: TicketGrant[] = [];
    for (let at = 0; at < wishes.length; at += TICKETS_PER_REQUEST_MAX) {
      const some = wishes.slice(at, at + TICKETS_PER_REQUEST_MAX);
      const body = encodeWishes(some, epochOf(this.#clock.nowMs()));
      const request: PeerRequest = { method: "POST", path: "/v1/tickets", body };
      const answer = await this.#ask(peer, request, signal);
      const page = read(peer, () => decodeGrants(answer.body, some));
      page.forEach((grant, index) => {
        const wish = some[index];
        if (grant.outcome !== "held" || wish === undefined) return;
        openReceipt(grant.receipt, { ...wish, holder: peer, account: this.#account });
      });
      grants.push(...page);
    }
    return grants;
  }

  async storeShard(
    peer: PeerId,
    id: ShardId,
    ticket: Uint8Array,
    bytes: Uint8Array,
    signal: AbortSignal,
  ): Promise<Receipt> {
    const request: PeerRequest = {
      method: "POST",
      path: `/v1/shards/${id}`,
      headers: { [TICKET_HEADER]: base64UrlEncode(ticket) },
      body: bytes,
      bodyMaxBytes: TICKET_MAX_BYTES,
    };
    const { body } = await this.#ask(peer, request, signal);
    const wish = { id, lengthBytes: bytes.length };
    return openReceipt(body, { ...wish, holder: peer, account: this.#account });
  }

  async readShard(
    peer: PeerId,
    id: ShardId,
    into: Uint8Array,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const request: PeerRequest = { method: "GET", path: `/v1/shards/${id}`, into };
    const { body } = await this.#ask(peer, request, signal);
    verifyShard(peer, id, body);
    return body;
  }

  async readRange(
    peer: PeerId,
    id: ShardId,
    range: { start: number; end: number; lengthBytes: number },
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const request: PeerRequest = {
      method: "GET",
      path: `/v1/shards/${id}?proof=1`,
      headers: { range: `bytes=${range.start}-${range.end - 1}` },
      bodyMaxBytes: proofBytesMax(range),
    };
    const { body } = await this.#ask(peer, request, signal);
    return openProof(peer, id, range, body);
  }

  async have(peer: PeerId, ids: readonly ShardId[], signal: AbortSignal): Promise<boolean[]> {
    const bits: boolean[] = [];
    for (let at = 0; at < ids.length; at += HAVE_IDS_MAX) {
      const some = ids.slice(at, at + HAVE_IDS_MAX);
      const request: PeerRequest = { method: "POST", path: "/v1/have", body: encodeIds(some) };
      const { body } = await this.#ask(peer, request, signal);
      for (const bit of read(peer, () => decodeBitmap(body, some.length))) bits.push(bit);
    }
    return bits;
  }

  async list(
    peer: PeerId,
    after: ShardId | undefined,
    signal: AbortSignal,
  ): Promise<{ ids: ShardId[]; more: boolean }> {
    const query = after === undefined ? "" : `&after=${after}`;
    const path = `/list?limit=${LIST_PAGE_MAX}${query}`;
    const { body } = await this.#ask(peer, { method: "GET", path }, signal);
    const { ids, more } = jsonOf(peer, body);
    if (!Array.isArray(ids) || ids.length > LIST_PAGE_MAX || typeof more !== "boolean") {
      throw malformedAnswer(peer, "its list has another form");
    }
    const page = ids.map((id: unknown) => {
      if (typeof id !== "string" || parseId(id) === undefined) {
        throw malformedAnswer(peer, "its list holds what is no id");
      }
      return id;
    });
    // A page that does not go on would be asked for again and again.
    const forward = page.every((id, index) => {
      const before = page[index - 1] ?? after;
      return before === undefined || compareBytes(idBytes(before), idBytes(id)) < 0;
    });
    if (!forward || (more && page.length === 0)) {
      throw malformedAnswer(peer, "its list is out of order");
    }
    return { ids: page, more };
  }

  async readRecord(peer: PeerId, key: Id, signal: AbortSignal): Promise<KeptRecords> {
    const request: PeerRequest = { method: "GET", path: `/v1/records/${key}` };
    try {
      return await this.#records(peer, key, request, signal);
    } catch (error) {
      const isMissing = error instanceof SwarmError && error.refusal === "RECORD_MISSING";
      if (isMissing) return { outcome: "kept", records: [] };
      throw error;
    }
  }

  writeRecord(peer: PeerId, record: RecordEntry, signal: AbortSignal): Promise<KeptRecords> {
    const path = `/v1/records/${record.key}`;
    const body = encodeRecord(record);
    return this.#records(peer, record.key, { method: "POST", path, body }, signal);
  }

  async peers(peer: PeerId, signal: AbortSignal): Promise<CardBody[]> {
    const { body } = await this.#ask(peer, { method: "GET", path: "/v1/peers" }, signal);
    return read(peer, () => decodeCards(body, PEERS_PAGE_MAX).map(openCard));
  }

  async #records(
    peer: PeerId,
    key: Id,
    request: PeerRequest,
    signal: AbortSignal,
  ): Promise<KeptRecords> {
    const limited = { ...request, bodyMaxBytes: RECORDS_ANSWER_MAX_BYTES };
    const { body } = await this.#ask(peer, limited, signal);
    const { outcome, records } = read(peer, () => decodeKept(body));
    const opened = read(peer, () => records.map((bytes) => openRecord(bytes, key)));
    if (opened.length === 0 || opened.some(({ number }) => number !== opened[0]?.number)) {
      throw malformedAnswer(peer, `it keeps no record ${key} or several numbers of it`);
    }
    return { outcome, records: opened };
  }

  async #ask(peer: PeerId, request: PeerRequest, signal: AbortSignal): Promise<PeerResponse> {
    const headers = { ...this.#headers, ...request.headers };
    const bodyMaxBytes = Math.max(
      request.bodyMaxBytes ?? REQUEST_BODY_MAX_BYTES,
      ERROR_BODY_MAX_BYTES,
    );
    const response = await this.#net.request(peer, { ...request, headers, bodyMaxBytes }, signal);
    if (response.status >= 200 && response.status < 300) return response;
    throw refusalOf(peer, request.path, response);
  }
}

/** What a peer answered instead: its own code and text, cut to a sane length. */
export function refusalOf(peer: PeerId, path: string, response: PeerResponse): SwarmError {
  let code = `HTTP_${response.status}`;
  let message = "";
  try {
    const value = jsonOf(peer, response.body);
    if (typeof value["code"] === "string" && /^[A-Z][A-Z_]{1,40}$/.test(value["code"])) {
      code = value["code"];
    }
    if (typeof value["message"] === "string") message = printable(value["message"]);
  } catch {
    // It refused without saying why; the status has to do.
  }
  if (code === "SHARD_MISSING") {
    const text = `peer ${peer}: does not hold shard ${path.slice(path.lastIndexOf("/") + 1)}`;
    return new SwarmError("SHARD_NOT_HELD", text, { refusal: code });
  }
  const text = `peer ${peer}: refuses with ${code}${message === "" ? "" : `: ${message}`}`;
  return new SwarmError("PEER_REFUSED", text, { refusal: code });
}

/** A foreign text that goes to terminals and logs. */
function printable(text: string): string {
  return text.slice(0, 200).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ");
}

/** Runs a decoder over what a peer answered. */
function read<T>(peer: PeerId, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (cause instanceof SwarmError) {
      throw new SwarmError(cause.code, `peer ${peer}: ${cause.message}`, { cause });
    }
    if (cause instanceof CodecError) throw malformedAnswer(peer, messageOf(cause), cause);
    throw cause;
  }
}

function jsonOf(peer: PeerId, body: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(body) ?? "");
  } catch (cause) {
    throw malformedAnswer(peer, "it is not JSON", cause);
  }
  if (typeof value !== "object" || value === null) throw malformedAnswer(peer, "no object");
  return value as Readonly<Record<string, unknown>>;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function malformedAnswer(peer: PeerId, why: string, cause?: unknown): SwarmError {
  return new SwarmError("ANSWER_MALFORMED", `peer ${peer}: malformed answer: ${why}`, { cause });
}
