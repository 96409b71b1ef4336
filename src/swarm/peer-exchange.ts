import { messageOf } from "../base/error.ts";
import type { PeerId } from "../base/id.ts";
import {
  EXCHANGE_ASK_MAX_MS,
  EXCHANGE_ASKS_MAX,
  EXCHANGE_INTERVAL_MIN_MS,
  EXCHANGE_PEERS_MAX,
  PEERS_PAGE_MAX,
  REQUEST_BODY_MAX_BYTES,
} from "../base/limits.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Net } from "../ports/net.ts";
import type { Random } from "../ports/random.ts";
import { openCard } from "./card-book.ts";
import { SwarmError } from "./error.ts";
import type { PeerBook } from "./peer-book.ts";
import { RateGate } from "./rate-gate.ts";
import { decodeCards, encodeCards } from "./wire.ts";

/** Whoever answered or came within so long is passed on first. */
const LATELY_MS = 24 * 3_600_000;
/** Between two rounds; sooner while so few peers answer. */
const ROUND_MS = 5 * 60_000;
const LONELY_ROUND_MS = 15_000;
const LONELY_BELOW = 3;
/** After it was woken. */
const ROUND_MIN_MS = 250;

/** What peer exchange is made of. */
export interface PeerExchangeOptions {
  book: PeerBook;
  net: Pick<Net, "request">;
  clock: Clock;
  random: Random;
  log: Log;
  /** This peer's own signed card; undefined before it has one. */
  ownCard: () => Uint8Array | undefined;
}

/** Peers tell each other whom they know, in signed cards. */
export interface PeerExchange {
  /** A random sample of at most PEERS_PAGE_MAX signed cards: our own first, then those of peers
   * that were there lately. */
  cards(): Uint8Array[];
  /** Takes the card that a peer pushed, which may only be its own.
   * @throws SwarmError ASKED_TOO_OFTEN | REQUEST_MALFORMED; CodecError */
  take(peer: PeerId, card: Uint8Array): void;
  /** Pushes our card to a peer and takes in the cards that it answers with.
   * @returns how many cards it sent that could be used
   * @throws NetError; SwarmError PEER_REFUSED; CodecError */
  ask(peer: PeerId, signal: AbortSignal): Promise<number>;
  /** Asks a few peers now and then, until the signal ends it. Never throws. */
  run(signal: AbortSignal): Promise<void>;
  /** Begins the next round at once: a peer became known, or our card is another. */
  wake(): void;
}

/** Makes a peer's exchange; `run` starts it. */
export function createPeerExchange(options: PeerExchangeOptions): PeerExchange {
  return new Exchange(options);
}

class Exchange implements PeerExchange {
  readonly #options: PeerExchangeOptions;
  readonly #gate: RateGate;
  /** Those that are being asked. */
  readonly #asked = new Map<PeerId, Promise<void>>();
  #sleeping = new AbortController();

  constructor(options: PeerExchangeOptions) {
    this.#options = options;
    this.#gate = new RateGate(options.clock, EXCHANGE_INTERVAL_MIN_MS, "cards");
  }

  cards(): Uint8Array[] {
    const { book, ownCard, clock, random } = this.#options;
    return sample(book, ownCard(), clock.nowMs(), random);
  }

  take(peer: PeerId, card: Uint8Array): void {
    this.#gate.pass(peer);
    if (openCard(card).id !== peer) {
      throw new SwarmError("REQUEST_MALFORMED", "a peer pushes its own card alone");
    }
    this.#options.book.addCard(card, "self");
  }

  async ask(peer: PeerId, signal: AbortSignal): Promise<number> {
    const { book, net, ownCard } = this.#options;
    const own = ownCard();
    const path = "/v1/peers";
    const request =
      own === undefined
        ? ({ method: "GET", path } as const)
        : ({ method: "POST", path, body: encodeCards([own]) } as const);
    const limited = { ...request, bodyMaxBytes: REQUEST_BODY_MAX_BYTES };
    const { status, body } = await net.request(peer, limited, signal);
    book.answered(peer);
    if (status !== 200) {
      throw new SwarmError("PEER_REFUSED", `peer ${peer}: answers ${status} to an exchange`);
    }
    let usable = 0;
    for (const card of decodeCards(body, PEERS_PAGE_MAX)) usable += takeFrom(book, peer, card);
    return usable;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { book, clock, random } = this.#options;
    while (!signal.aborted) {
      for (const peer of choose(book, random)) this.#begin(peer, signal);
      // Those that hang do not keep us from a peer that just became known.
      const wake = this.#sleeping.signal;
      await Promise.race([Promise.all(this.#asked.values()), once(wake)]);
      const isLonely = lately(book, clock) < LONELY_BELOW;
      const waitMs = (isLonely ? LONELY_ROUND_MS : ROUND_MS) * (0.75 + 0.5 * fraction(random));
      const rest = clock.sleep(waitMs, AbortSignal.any([signal, wake]));
      await rest.catch(() => undefined);
      if (!wake.aborted) continue;
      this.#sleeping = new AbortController();
      // Whoever wakes us all the time does not make us ask all the time.
      await clock.sleep(ROUND_MIN_MS, signal).catch(() => undefined);
    }
    await Promise.all(this.#asked.values());
  }

  wake(): void {
    this.#sleeping.abort();
  }

  #begin(peer: PeerId, signal: AbortSignal): void {
    if (this.#asked.has(peer) || this.#asked.size >= EXCHANGE_ASKS_MAX) return;
    const asking = this.#askSafely(peer, signal);
    this.#asked.set(
      peer,
      asking.then(() => void this.#asked.delete(peer)),
    );
  }

  async #askSafely(peer: PeerId, signal: AbortSignal): Promise<void> {
    const { book, clock, log } = this.#options;
    const limit = new AbortController();
    const both = AbortSignal.any([signal, limit.signal]);
    const tooLong = clock.sleep(EXCHANGE_ASK_MAX_MS, both).then(
      () => limit.abort(new SwarmError("PEER_FAILED", `peer ${peer}: no answer in time`)),
      () => undefined,
    );
    try {
      const cardCount = await this.ask(peer, both);
      log.write("debug", "exchange.asked", { peer, cardCount });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof SwarmError) || limit.signal.aborted) book.failed(peer);
      log.write("debug", "exchange.failed", { peer, why: messageOf(error) });
    } finally {
      limit.abort();
      await tooLong;
    }
  }
}

/** One card that a peer sent; what is wrong with it is that card's matter, not the others'.
 * @returns 1 where it could be used */
function takeFrom(book: PeerBook, peer: PeerId, card: Uint8Array): 0 | 1 {
  try {
    book.addCard(card, openCard(card).id === peer ? "self" : `exchange:${peer}`);
    return 1;
  } catch {
    return 0;
  }
}

function sample(
  book: PeerBook,
  own: Uint8Array | undefined,
  nowMs: number,
  random: Random,
): Uint8Array[] {
  const { lately, others } = book.cards(nowMs - LATELY_MS);
  const rest = [...shuffled(lately, random), ...shuffled(others, random)];
  return [...(own === undefined ? [] : [own]), ...rest].slice(0, PEERS_PAGE_MAX);
}

/** Whom to ask: half of those that answer, the rest of those that nothing was heard of yet, so
 * that no directory's word stays untried and none keeps us from those that we know. The newest
 * one is among them: whoever names many does not hide who comes next. */
function choose(book: PeerBook, random: Random): PeerId[] {
  const { answered, silent } = split(book);
  const fresh = shuffled([...silent, ...book.rumoured()], random);
  fresh.sort((a, b) => book.failureCount(a) - book.failureCount(b));
  const newest = book.newestUntried();
  const unheard = [...new Set([...(newest === undefined ? [] : [newest]), ...fresh])];
  const half = EXCHANGE_PEERS_MAX / 2;
  const known = shuffled(answered, random);
  const first = known.slice(0, Math.max(half, EXCHANGE_PEERS_MAX - unheard.length));
  return [...first, ...unheard].slice(0, EXCHANGE_PEERS_MAX);
}

function split(book: PeerBook): { answered: PeerId[]; silent: PeerId[] } {
  const peers = book.peers().map(({ id }) => id);
  return {
    answered: peers.filter((peer) => book.hasAnswered(peer)),
    silent: peers.filter((peer) => !book.hasAnswered(peer)),
  };
}

/** How many peers were there lately. */
function lately(book: PeerBook, clock: Clock): number {
  return book.cards(clock.nowMs() - LATELY_MS).lately.length;
}

/** Resolves when a signal is aborted. */
function once(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** 0 to 1. */
function fraction(random: Random): number {
  const bytes = random.bytes(4);
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / 2 ** 32;
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, place: fraction(random) }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
