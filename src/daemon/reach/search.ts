import type { Clock } from "../../ports/clock.ts";
import type { ComposedReach } from "./compose-reach.ts";
import type { OutsideHost } from "./outside.ts";

/** DHT nodes of others that are tried. */
const BOOTSTRAP_MAX = 32;
/** How often the directories are asked who is in the swarm; more often while nobody is known. */
const ROUND_MS = 10 * 60_000;
const LONELY_ROUND_MS = 20_000;
/** What becomes known within so long is acted upon at once. */
const SETTLE_MS = 200;

/** Looks for others again and again: opens the DHT as soon as there is a way into it, tells it of
 * new nodes, and asks the directories around. */
export class Search {
  readonly #reach: ComposedReach;
  readonly #clock: Clock;
  readonly #isDhtWanted: boolean;
  readonly #stops: (() => void)[] = [];
  #outside: OutsideHost | undefined;
  #changed = new AbortController();
  #told = "";

  constructor(
    reach: ComposedReach,
    clock: Clock,
    outside: OutsideHost | undefined,
    isDhtWanted: boolean,
  ) {
    this.#reach = reach;
    this.#clock = clock;
    this.#outside = outside;
    this.#isDhtWanted = isDhtWanted;
    this.#stops.push(
      reach.known.book.onChange(() => this.wake()),
      reach.home.onChange(() => {
        this.wake();
        reach.exchange.wake();
      }),
    );
  }

  /** Looks again a moment later. */
  wake(): void {
    this.#changed.abort();
  }

  /** Where DHT nodes for others can run from now on. */
  reachedAt(outside: OutsideHost | undefined): void {
    this.#outside = outside;
    this.#told = "";
    this.wake();
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  /** Goes on until `signal` is aborted; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { known, directories } = this.#reach;
    let askedMs = -Infinity;
    while (!signal.aborted) {
      this.#changed = new AbortController();
      const hasNewWays = await this.#play();
      const roundMs = known.book.peers().length === 0 ? LONELY_ROUND_MS : ROUND_MS;
      const waitedMs = this.#clock.monotonicMs() - askedMs;
      if (hasNewWays || waitedMs >= roundMs) {
        askedMs = this.#clock.monotonicMs();
        await directories.askAround(signal).catch(() => undefined);
      }
      const either = AbortSignal.any([signal, this.#changed.signal]);
      await this.#clock.sleep(roundMs, either).catch(() => undefined);
      await this.#clock.sleep(SETTLE_MS, signal).catch(() => undefined);
    }
  }

  /** Opens the DHT, or tells it of what is new.
   * @returns whether there is somebody new to ask: DHT nodes, trackers, another swarm */
  async #play(): Promise<boolean> {
    const { known, dht, home } = this.#reach;
    const bootstrap = this.#isDhtWanted ? known.book.bootstrap(BOOTSTRAP_MAX) : [];
    const ways = [home.current().number, home.state.id, ...bootstrap.toSorted()];
    const now = [...ways, ...known.book.withRole("tracker").toSorted()].join(" ");
    if (now === this.#told) return false;
    this.#told = now;
    if (this.#isDhtWanted) await dht.play({ bootstrap, outside: this.#outside });
    return true;
  }
}
