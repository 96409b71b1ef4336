import { parseId, type Id, type PeerId } from "../base/id.ts";
import {
  CARD_BOOTSTRAP_MAX,
  CARD_FUTURE_MAX_MS,
  PEER_GONE_MS,
  PEERS_PER_SOURCE_MAX,
} from "../base/limits.ts";
import type { CardBody } from "../codec/card.ts";
import { malformed } from "../codec/error.ts";
import type { Clock } from "../ports/clock.ts";
import type { Directory, PeerCard, PeerRole } from "../ports/directory.ts";
import { openCard } from "./card-book.ts";
import { PeerEntry, RANK } from "./peer-book-entry.ts";
import { makeRoom } from "./peer-book-room.ts";
import type { HintSource, PeerHint } from "./peer-hint.ts";
import type { ListedPeer } from "./peer-list.ts";

/** A later answer is news for the disk, and for the order of peers, after so long. */
const ANSWER_NEWS_MS = 10 * 60_000;
/** A peer of which nothing but its name is known is forgotten after so many failures in a row. */
const RUMOUR_FAILURES_MAX = 3;
/** Who listens for news. */
const LISTENERS_MAX = 16;

/** What `PeerBook` is made of. */
export interface PeerBookOptions {
  /** Never in the book. */
  self: PeerId;
  clock: Clock;
}

/** What this peer knows of others: signed cards and unsigned hints. At most PEERS_MAX peers; who
 * only names others fills at most a share, and displaces nobody who answered or was added by hand.
 * @see docs/reach.md */
export class PeerBook implements Directory {
  readonly #self: PeerId;
  readonly #clock: Clock;
  readonly #entries = new Map<PeerId, PeerEntry>();
  readonly #listeners = new Set<() => void>();
  /** The answer of `peers`, until something changes it. */
  #sorted: readonly PeerEntry[] | undefined;

  constructor(options: PeerBookOptions) {
    this.#self = options.self;
    this.#clock = options.clock;
  }

  /** Peers of which more is known than somebody's word: by hand, with a signed card, or because
   * they answered. Those that answer come first. */
  peers(): readonly PeerCard[] {
    const nowMs = this.#clock.nowMs();
    this.#sorted ??= [...this.#entries.values()].filter((entry) => entry.isEvident).sort(compare);
    return this.#sorted.map((entry) => entry.card(nowMs));
  }

  /** Peers that somebody named and that nothing is known of yet. */
  rumoured(): readonly PeerId[] {
    return [...this.#entries.values()].flatMap((entry) => (entry.isEvident ? [] : [entry.id]));
  }

  find(peer: PeerId): PeerCard | undefined {
    return this.#entries.get(peer)?.card(this.#clock.nowMs());
  }

  /** Without anybody to ask, every peer may have anything. */
  lookup(_topic: Id, _signal: AbortSignal): Promise<readonly PeerId[]> {
    return Promise.resolve(this.peers().map(({ id }) => id));
  }

  announce(_topic: Id, _signal: AbortSignal): Promise<void> {
    return Promise.resolve();
  }

  /** Knows a peer as the user says; what he said of it before is replaced.
   * @returns whether there was room, which only a book full of such peers lacks */
  addByHand(card: PeerCard): boolean {
    const entry = this.#enter(card.id, "hand", RANK.byHand);
    if (entry === undefined) return false;
    entry.byHand = card;
    this.#changed();
    return true;
  }

  /** Takes a signed card in, unless a later one of that peer is known.
   * @param source `self` where the peer's own session brought it
   * @throws CodecError where it is no card, or is from the far future */
  addCard(bytes: Uint8Array, source: HintSource): CardBody {
    const body = openCard(bytes);
    const nowMs = this.#clock.nowMs();
    if (body.timeMs > nowMs + CARD_FUTURE_MAX_MS) {
      throw malformed("peer card", "it is signed for a time that is more than 36 hours ahead");
    }
    this.#takeCard(bytes, body, source);
    return body;
  }

  /** Takes in what somebody says of where peers are; of more than its share, the first ones.
   * @returns how many of the peers were new */
  addHints(source: HintSource, hints: Iterable<PeerHint>): number {
    const nowMs = this.#clock.nowMs();
    let newCount = 0;
    let count = 0;
    let hasNews = false;
    for (const { peer, address } of hints) {
      if (++count > PEERS_PER_SOURCE_MAX) break;
      const isKnown = this.#entries.has(peer);
      const entry = this.#enter(peer, source, RANK.named);
      if (entry === undefined) continue;
      const isNewAddress = address !== undefined && entry.addHint(address, source, nowMs);
      if (!isKnown) newCount++;
      hasNews ||= !isKnown || isNewAddress;
    }
    if (hasNews) this.#changed();
    return newCount;
  }

  /** The peer answered a request, on a session to `address` where that is known. */
  answered(peer: PeerId, address?: string): void {
    const entry = this.#enter(peer, "self", RANK.answered);
    if (entry === undefined) return;
    const nowMs = this.#clock.nowMs();
    const isNews =
      entry.failureCount > 0 || Math.abs(nowMs - (entry.answeredMs ?? 0)) > ANSWER_NEWS_MS;
    if (isNews) entry.answeredMs = nowMs;
    entry.failureCount = 0;
    const isNewPlace = address !== undefined && entry.hintAnswered(address, nowMs);
    if (isNews || isNewPlace) this.#changed();
  }

  /** The peer could not be talked to; with `address`: not there, or another one was. */
  failed(peer: PeerId, address?: string): void {
    const entry = this.#entries.get(peer);
    if (entry === undefined) return;
    if (address !== undefined) entry.hintFailed(address);
    entry.failureCount++;
    if (entry.failureCount === 1) this.#sorted = undefined;
    if (!entry.isEvident && entry.failureCount >= RUMOUR_FAILURES_MAX) this.#entries.delete(peer);
  }

  /** Nobody, or another one, is at an address of the peer; it may be elsewhere. */
  addressFailed(peer: PeerId, address: string): void {
    this.#entries.get(peer)?.hintFailed(address);
  }

  /** Signed cards to pass on: those of peers that answered or came to us since `sinceMs`, and
   * those of all others. */
  cards(sinceMs: number): { lately: Uint8Array[]; others: Uint8Array[] } {
    const lately: Uint8Array[] = [];
    const others: Uint8Array[] = [];
    for (const { signed, answeredMs, metMs, failureCount } of this.#entries.values()) {
      if (signed === undefined) continue;
      const heardMs = Math.max(answeredMs ?? 0, metMs ?? 0);
      if (heardMs >= sinceMs && failureCount === 0) lately.push(signed.bytes);
      else others.push(signed.bytes);
    }
    return { lately, others };
  }

  /** Whether the peer has ever answered. */
  hasAnswered(peer: PeerId): boolean {
    return this.#entries.get(peer)?.answeredMs !== undefined;
  }

  /** The peer that became known last, of those that neither answered nor failed yet. */
  newestUntried(): PeerId | undefined {
    const entries = [...this.#entries.values()];
    return entries.findLast((each) => each.answeredMs === undefined && each.failureCount === 0)?.id;
  }

  /** How often the peer failed since it last answered. */
  failureCount(peer: PeerId): number {
    return this.#entries.get(peer)?.failureCount ?? 0;
  }

  /** The signed card of one peer. */
  cardOf(peer: PeerId): Uint8Array | undefined {
    return this.#entries.get(peer)?.signed?.bytes;
  }

  /** Whether the peer is one to store at and to wait for: the user named it, or it answered or came
   * to us within PEER_GONE_MS. Whoever only has a card may be made up, and who left for good would
   * take the places of those who stay. */
  isPresent(peer: PeerId): boolean {
    const entry = this.#entries.get(peer);
    if (entry === undefined || entry.byHand !== undefined) return entry !== undefined;
    const heardMs = Math.max(entry.answeredMs ?? -Infinity, entry.metMs ?? -Infinity);
    return this.#clock.nowMs() - heardMs <= PEER_GONE_MS;
  }

  /** When the peer last answered, by the wall clock. */
  answeredMs(peer: PeerId): number | undefined {
    return this.#entries.get(peer)?.answeredMs;
  }

  /** Who named it first; "hand" where the user did. */
  sourceOf(peer: PeerId): HintSource | undefined {
    const entry = this.#entries.get(peer);
    return entry?.byHand === undefined ? entry?.source : "hand";
  }

  /** Forgets a peer, until somebody names it again.
   * @returns whether it was known */
  remove(peer: PeerId): boolean {
    const isKnown = this.#entries.delete(peer);
    if (isKnown) this.#changed();
    return isKnown;
  }

  /** Peers whose cards name `role`, those that answer first. */
  withRole(role: PeerRole): PeerId[] {
    return this.peers().flatMap(({ id, roles }) => (roles?.includes(role) === true ? [id] : []));
  }

  /** UDP addresses of DHT nodes out of cards, those of peers that answer first; one peer's only
   * up to its card's bound, and at most `max`. */
  bootstrap(max: number): string[] {
    const all = new Set<string>();
    for (const { bootstrap } of this.peers()) {
      for (const address of bootstrap?.slice(0, CARD_BOOTSTRAP_MAX) ?? []) all.add(address);
      if (all.size >= max) break;
    }
    return [...all].slice(0, max);
  }

  /** What is worth keeping on disk. Peers that only were rumoured are not. */
  toKeep(): ListedPeer[] {
    return [...this.#entries.values()].flatMap((entry) => {
      if (!entry.isEvident) return [];
      const { id, byHand, signed, answeredMs, source } = entry;
      const own = byHand ?? { id, addresses: entry.hintsToKeep(), offeredBytes: 0 };
      return {
        ...own,
        ...(byHand === undefined ? { source } : {}),
        ...(signed === undefined ? {} : { card: signed.bytes }),
        ...(answeredMs === undefined ? {} : { answeredMs }),
        ...(entry.provenAt === undefined ? {} : { answeredAt: entry.provenAt }),
      };
    });
  }

  /** Takes in what `toKeep` gave. Cards are taken whatever our clock says: they were judged
   * when they came, and a machine may wake up in 1970.
   * @throws CodecError where a card is none of the peer it stands by */
  restore(peers: readonly ListedPeer[]): void {
    for (const { card, answeredMs, answeredAt, source, ...byHand } of peers) {
      const rank = source === undefined ? RANK.byHand : RANK.answered;
      const entry = this.#enter(byHand.id, source ?? "hand", rank);
      if (entry === undefined) continue;
      if (source === undefined) entry.byHand = byHand;
      else for (const address of byHand.addresses) entry.addHint(address, source, 0);
      entry.answeredMs = answeredMs;
      if (answeredAt !== undefined) {
        entry.addHint(answeredAt, entry.source, 0);
        entry.hintAnswered(answeredAt, answeredMs ?? 0);
      }
      if (card === undefined) continue;
      const body = openCard(card);
      if (body.id !== byHand.id) throw malformed("peer card", `it is of peer ${body.id}`);
      entry.signed = { bytes: card, body };
    }
    this.#sorted = undefined;
  }

  /** Calls `listener` when something changed that is worth keeping.
   * @returns a function that ends it */
  onChange(listener: () => void): () => void {
    if (this.#listeners.size >= LISTENERS_MAX) throw new RangeError("too many listen to the book");
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #takeCard(bytes: Uint8Array, body: CardBody, source: HintSource): void {
    const entry = this.#enter(body.id, source, RANK.named);
    if (entry === undefined) return;
    if (source === "self") entry.metMs = this.#clock.nowMs();
    const known = entry.signed?.body.timeMs;
    if (known !== undefined && known >= body.timeMs) return;
    entry.signed = { bytes: bytes.slice(), body };
    this.#changed();
  }

  /** The entry of a peer, a new one where there is room; undefined also for this peer itself. */
  #enter(peer: PeerId, source: HintSource, rank: number): PeerEntry | undefined {
    const known = this.#entries.get(peer);
    if (known !== undefined) return known;
    if (peer === this.#self || parseId(peer) === undefined) return undefined;
    if (!makeRoom(this.#entries, source, rank)) return undefined;
    const entry = new PeerEntry(peer, source, this.#clock.nowMs());
    this.#entries.set(peer, entry);
    return entry;
  }

  #changed(): void {
    this.#sorted = undefined;
    for (const listener of this.#listeners) listener();
  }
}

/** Those that answer, those that the user added, those of either kind that fail, then those whose
 * cards are all that is known. */
function compare(a: PeerEntry, b: PeerEntry): number {
  return placeOf(a) - placeOf(b) || (b.answeredMs ?? b.metMs ?? 0) - (a.answeredMs ?? a.metMs ?? 0);
}

function placeOf({ rank, answeredMs, failureCount }: PeerEntry): number {
  if (failureCount > 0) return rank === RANK.named ? 4 : 2;
  if (answeredMs !== undefined) return 0;
  return rank === RANK.byHand ? 1 : 3;
}
