import type { Duplex } from "node:stream";
import { messageOf } from "../../base/error.ts";
import type { PeerId } from "../../base/id.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { Upgrader } from "../net/upgrade.ts";
import {
  RELAY_DIAL_MS,
  RELAY_LOOK_MS,
  RELAY_RETRY_MAX_MS,
  RELAY_RETRY_MIN_MS,
  RELAY_STEADY_MS,
  RELAY_TAKES_MAX,
  RELAY_WAITS,
} from "./limits.ts";
import { LineStream } from "./lines.ts";
import { INCOMING, takePath, WAIT_PATH } from "./paths.ts";
import { rankRelays } from "./rank.ts";

/** What waiting at relays needs. */
export interface WaitingOptions {
  /** Our own id. */
  self: PeerId;
  upgrader: Pick<Upgrader, "open">;
  /** Known relays; asked again and again, cheap. */
  relays: () => readonly PeerId[];
  /** Takes a connection in on which somebody is about to knock. */
  accept: (raw: Duplex) => void;
  clock: Clock;
  random: Random;
  log: Log;
}

interface Failing {
  count: number;
  untilMs: number;
}

/** Keeps a stream open at a few relays, and fetches the diallers that they announce. */
export class RelayWaiting {
  readonly #options: WaitingOptions;
  readonly #failing = new Map<PeerId, Failing>();
  /** Relays that a lane has chosen, and whether we wait there already. */
  readonly #chosen = new Map<PeerId, boolean>();
  #running: AbortController | undefined;
  #takeCount = 0;

  constructor(options: WaitingOptions) {
    this.#options = options;
  }

  /** Relays at which we wait now. */
  get relays(): PeerId[] {
    return [...this.#chosen].filter(([, isWaiting]) => isWaiting).map(([relay]) => relay);
  }

  /** Begins to wait; does nothing where we do already. */
  start(): void {
    if (this.#running !== undefined) return;
    this.#running = new AbortController();
    for (let lane = 0; lane < RELAY_WAITS; lane++) void this.#runLane(this.#running.signal);
  }

  /** Leaves all relays. Connections that were taken in stay. */
  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
    this.#chosen.clear();
  }

  async #runLane(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      const relay = this.#choose();
      if (relay === undefined) {
        await clock.sleep(this.#pauseMs(), signal).catch(() => undefined);
        continue;
      }
      this.#chosen.set(relay, false);
      const fromMs = clock.monotonicMs();
      let reason = "the relay ended the stream";
      await this.#waitAt(relay, signal).catch((error: unknown) => (reason = messageOf(error)));
      if (signal.aborted) return;
      this.#chosen.delete(relay);
      this.#blame(relay, clock.monotonicMs() - fromMs);
      log.write("debug", "relay.lost", { relay, reason });
    }
  }

  /** The relay that we prefer, of those that no lane has and that have not failed just now. */
  #choose(): PeerId | undefined {
    const { self, relays, clock } = this.#options;
    const known = relays().filter((relay) => relay !== self);
    for (const relay of this.#failing.keys()) {
      if (!known.includes(relay)) this.#failing.delete(relay);
    }
    return rankRelays(known, self).find(
      (relay) =>
        !this.#chosen.has(relay) && (this.#failing.get(relay)?.untilMs ?? 0) <= clock.monotonicMs(),
    );
  }

  /** Until one of those that failed may be asked again, or others may have become known. */
  #pauseMs(): number {
    const nowMs = this.#options.clock.monotonicMs();
    const waitsMs = [...this.#failing]
      .filter(([relay, { untilMs }]) => untilMs > nowMs && !this.#chosen.has(relay))
      .map(([, { untilMs }]) => untilMs - nowMs);
    return Math.min(RELAY_LOOK_MS, ...waitsMs);
  }

  /** A relay that fails again and again is asked more and more rarely, and not by all at once. */
  #blame(relay: PeerId, lastedMs: number): void {
    const { clock, random } = this.#options;
    const before = lastedMs >= RELAY_STEADY_MS ? 0 : (this.#failing.get(relay)?.count ?? 0);
    const retryMs = Math.min(RELAY_RETRY_MAX_MS, RELAY_RETRY_MIN_MS * 2 ** before);
    const shareOf256 = 128 + (random.bytes(1)[0] ?? 0) / 2;
    const untilMs = clock.monotonicMs() + (retryMs * shareOf256) / 256;
    this.#failing.set(relay, { count: Math.min(before + 1, 16), untilMs });
  }

  async #waitAt(relay: PeerId, signal: AbortSignal): Promise<void> {
    const { upgrader, clock } = this.#options;
    const opening = AbortSignal.any([signal, AbortSignal.timeout(RELAY_DIAL_MS)]);
    const socket = await upgrader.open(relay, WAIT_PATH, opening);
    const line: LineStream = new LineStream(socket, clock, (text) => {
      const token = INCOMING.exec(text)?.[1];
      if (token === undefined) line.destroy();
      else void this.#take(relay, token, signal);
    });
    const leave = (): void => line.destroy();
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    else this.#chosen.set(relay, true);
    await line.closed;
    signal.removeEventListener("abort", leave);
  }

  async #take(relay: PeerId, token: string, signal: AbortSignal): Promise<void> {
    // Those who are not fetched are told that we are away.
    if (this.#takeCount >= RELAY_TAKES_MAX) return;
    this.#takeCount++;
    const { upgrader, accept, log } = this.#options;
    try {
      const opening = AbortSignal.any([signal, AbortSignal.timeout(RELAY_DIAL_MS)]);
      const raw = await upgrader.open(relay, takePath(token), opening);
      accept(raw);
    } catch (error) {
      log.write("debug", "relay.take", { relay, reason: messageOf(error) });
    } finally {
      this.#takeCount--;
    }
  }
}
