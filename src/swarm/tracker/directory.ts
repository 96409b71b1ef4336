import { base64UrlEncode } from "../../base/base64url.ts";
import { fromUtf8 } from "../../base/bytes.ts";
import { codeOf } from "../../base/error.ts";
import { idOf, type AccountId, type PeerId, type ShardId } from "../../base/id.ts";
import {
  KIB,
  PEERS_PAGE_MAX,
  SIGNED_BODY_MAX_BYTES,
  TICKET_MAX_BYTES,
  TRACKER_ANSWER_MAX_BYTES,
  TRACKER_ASKED_MS,
  TRACKERS_MAX,
  WHERE_TO_UPLOAD_MAX,
  WHO_HAS_ADDRESSES_MAX,
} from "../../base/limits.ts";
import type { CardBody } from "../../codec/card.ts";
import { decodeTicket } from "../../codec/ticket.ts";
import { openEnvelope } from "../../crypto/envelope.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ShardWish } from "../../ports/holder.ts";
import type { Net } from "../../ports/net.ts";
import { CERTIFICATE_HEADER } from "../asker.ts";
import { openCard } from "../card-book.ts";
import { SwarmError } from "../error.ts";
import { decodeCards } from "../wire.ts";
import { signedBytes } from "./agent.ts";
import { formatAgentAddress, parseAgentAddress, type AgentAddress } from "./dialogue.ts";

/** What trackers say, of several put together. All of it is a hint: a tracker that lies costs a
 * delay and nothing else. A tracker that fails or answers what cannot be is passed over. */
export interface TrackerDirectory {
  /** Peers that are said to hold a shard. */
  whoHas(hash: ShardId, signal: AbortSignal): Promise<readonly AgentAddress[]>;
  /** Peers that are said to have room; `count` of them, as many as the swarm's code wants by
   * default. */
  whereToUpload(
    sizeBytes: number,
    signal: AbortSignal,
    count?: number,
  ): Promise<readonly AgentAddress[]>;
  /** A ticket to upload a shard with, of this holder and for us.
   * @throws SwarmError TRACKER_MISSING | PEER_REFUSED, with the code of whoever refuses, or
   * ANSWER_MALFORMED; NetError */
  introduceMe(to: AgentAddress, wish: ShardWish, signal: AbortSignal): Promise<Uint8Array>;
  /** Cards of peers that are connected to trackers now, signatures checked. */
  peers(
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly { body: CardBody; bytes: Uint8Array }[]>;
}

export interface TrackerDirectoryOptions {
  net: Pick<Net, "request">;
  clock: Clock;
  /** The trackers that are known now, the preferred first; TRACKERS_MAX of them are asked. */
  trackers: () => readonly PeerId[];
  /** For whom we ask for tickets: this peer, the account, and the signed device certificate. */
  self: PeerId;
  account: AccountId;
  certificate: Uint8Array;
}

/** Makes the client of the trackers. */
export function createTrackerDirectory(options: TrackerDirectoryOptions): TrackerDirectory {
  return new HttpTrackerDirectory(options);
}

/** A card, opened, and as it came. */
interface ReadCard {
  body: CardBody;
  bytes: Uint8Array;
}

type Read<Item> = (tracker: PeerId, body: Uint8Array) => Item[];

class HttpTrackerDirectory implements TrackerDirectory {
  readonly #options: TrackerDirectoryOptions;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(options: TrackerDirectoryOptions) {
    this.#options = options;
    this.#headers = { [CERTIFICATE_HEADER]: base64UrlEncode(options.certificate) };
  }

  async whoHas(hash: ShardId, signal: AbortSignal): Promise<AgentAddress[]> {
    const path = `/api/who-has?q=${hash}`;
    return this.#addresses(path, WHO_HAS_ADDRESSES_MAX, signal);
  }

  async whereToUpload(
    sizeBytes: number,
    signal: AbortSignal,
    count?: number,
  ): Promise<AgentAddress[]> {
    const wanted = count === undefined ? "" : `&count=${count}`;
    const path = `/api/where-to-upload?size=${sizeBytes}${wanted}`;
    const all = await this.#addresses(path, count ?? WHERE_TO_UPLOAD_MAX, signal);
    return all.slice(0, count);
  }

  async introduceMe(to: AgentAddress, wish: ShardWish, signal: AbortSignal): Promise<Uint8Array> {
    const address = encodeURIComponent(formatAgentAddress(to));
    const path = `/api/introduce-me?to=${address}&hash=${wish.id}&size=${wish.lengthBytes}`;
    let failure: unknown = new SwarmError("TRACKER_MISSING", "no tracker is known");
    for (const tracker of this.#trackers()) {
      try {
        const body = await this.#ask(tracker, path, TRACKER_ANSWER_MAX_BYTES, signal);
        return ticketOf(tracker, body, { ...wish, holder: to.peer, ...this.#options });
      } catch (error) {
        signal.throwIfAborted();
        failure = error;
      }
    }
    throw failure;
  }

  async peers(limit: number, signal: AbortSignal): Promise<ReadCard[]> {
    const read: Read<ReadCard> = (_tracker, body) =>
      decodeCards(body, PEERS_PAGE_MAX).map((bytes) => ({ body: openCard(bytes), bytes }));
    const maxBytes = PEERS_PAGE_MAX * (SIGNED_BODY_MAX_BYTES + KIB);
    const all = await this.#askAll(`/api/peers?limit=${limit}`, maxBytes, read, signal);
    const seen = new Set<PeerId>([this.#options.self]);
    return all.filter(({ body }) => !seen.has(body.id) && seen.add(body.id)).slice(0, limit);
  }

  #trackers(): PeerId[] {
    const { trackers, self } = this.#options;
    const others = trackers().filter((peer) => peer !== self);
    return others.slice(0, TRACKERS_MAX);
  }

  async #addresses(path: string, max: number, signal: AbortSignal): Promise<AgentAddress[]> {
    const read: Read<AgentAddress> = (tracker, body) => addressesOf(tracker, body, max);
    const all = await this.#askAll(path, TRACKER_ANSWER_MAX_BYTES, read, signal);
    return distinct(all, this.#options.self);
  }

  /** What each tracker that answers says, taken in turn, so that none can push out the others. */
  async #askAll<Item>(
    path: string,
    bodyMaxBytes: number,
    read: Read<Item>,
    signal: AbortSignal,
  ): Promise<Item[]> {
    const answers = await Promise.allSettled(
      this.#trackers().map(async (tracker) =>
        read(tracker, await this.#ask(tracker, path, bodyMaxBytes, signal)),
      ),
    );
    signal.throwIfAborted();
    return inTurn(answers.map((answer) => (answer.status === "fulfilled" ? answer.value : [])));
  }

  async #ask(
    tracker: PeerId,
    path: string,
    bodyMaxBytes: number,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { net, clock } = this.#options;
    const request = { method: "GET", path, headers: this.#headers, bodyMaxBytes } as const;
    const stop = new AbortController();
    clock.sleep(TRACKER_ASKED_MS, stop.signal).then(
      () => stop.abort(new SwarmError("PEER_REFUSED", `tracker ${tracker}: gives no answer`)),
      () => undefined,
    );
    try {
      const either = AbortSignal.any([signal, stop.signal]);
      const { status, body } = await net.request(tracker, request, either);
      if (status === 200) return body;
      throw refusalOf(tracker, status, body);
    } finally {
      stop.abort(ANSWERED);
    }
  }
}

/** Made once: a reason with a fresh stack costs as much as half the request. */
const ANSWERED = new Error("the request is answered");

/** The first of each list, the second of each, and so on. */
function inTurn<Item>(lists: readonly Item[][]): Item[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, at) =>
    lists.flatMap((list) => list.slice(at, at + 1)),
  ).flat();
}

function distinct(addresses: readonly AgentAddress[], self: PeerId): AgentAddress[] {
  const seen = new Set<string>();
  return addresses.filter((address) => {
    const text = formatAgentAddress(address);
    if (address.peer === self || seen.has(text)) return false;
    seen.add(text);
    return true;
  });
}

/** The addresses of an answer; what is none is left out. */
function addressesOf(tracker: PeerId, body: Uint8Array, max: number): AgentAddress[] {
  const list = jsonOf(tracker, body)["addresses"];
  if (!Array.isArray(list)) throw malformed(tracker, "no list of addresses");
  return list
    .slice(0, max)
    .flatMap((text: unknown) => (typeof text === "string" ? (parseAgentAddress(text) ?? []) : []));
}

/** The ticket of an answer, if it is one that the holder will take from us. */
function ticketOf(
  tracker: PeerId,
  body: Uint8Array,
  wanted: ShardWish & { holder: PeerId; self: PeerId; account: AccountId },
): Uint8Array {
  const text = jsonOf(tracker, body)["introduction-key"];
  const bytes = typeof text === "string" ? signedBytes(text) : undefined;
  if (bytes === undefined || bytes.length > TICKET_MAX_BYTES) {
    throw malformed(tracker, "no introduction key");
  }
  try {
    const { signer, body: signed } = openEnvelope("ticket", bytes);
    const { holder, peer, account, shard, lengthBytes } = decodeTicket(signed);
    const isOurs =
      idOf(signer) === wanted.holder &&
      holder === wanted.holder &&
      peer === wanted.self &&
      account === wanted.account &&
      shard === wanted.id &&
      lengthBytes === wanted.lengthBytes;
    if (isOurs) return bytes;
  } catch (cause) {
    if (codeOf(cause) === undefined) throw cause;
    throw malformed(tracker, "an introduction key that does not hold", cause);
  }
  throw malformed(tracker, "an introduction key for something else");
}

/** What a tracker answered instead: the agent's code where it is that one's, else its own, and no
 * word of its text. */
function refusalOf(tracker: PeerId, status: number, body: Uint8Array): SwarmError {
  const text = fromUtf8(body) ?? "";
  const reason = /"reason":"([A-Z][A-Z_]{1,40})"/.exec(text)?.[1];
  const code = reason ?? /"code":"([A-Z][A-Z_]{1,40})"/.exec(text)?.[1];
  const refusal = code ?? `HTTP_${status}`;
  return new SwarmError("PEER_REFUSED", `tracker ${tracker}: refuses with ${refusal}`, { refusal });
}

function jsonOf(tracker: PeerId, body: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(body) ?? "");
  } catch (cause) {
    throw malformed(tracker, "no JSON", cause);
  }
  if (typeof value !== "object" || value === null) throw malformed(tracker, "no object");
  return value as Readonly<Record<string, unknown>>;
}

function malformed(tracker: PeerId, why: string, cause?: unknown): SwarmError {
  return new SwarmError("ANSWER_MALFORMED", `tracker ${tracker}: answered ${why}`, { cause });
}
