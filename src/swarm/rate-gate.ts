import type { PeerId } from "../base/id.ts";
import { ASKERS_REMEMBERED_MAX } from "../base/limits.ts";
import type { Clock } from "../ports/clock.ts";
import { SwarmError } from "./error.ts";

/** How often a gate lets through. */
export interface RateGateBounds {
  /** Asks of one peer in one interval. */
  asksMax: number;
  /** Asks of all peers in one interval. */
  asksInAllMax: number;
}

interface Asked {
  readonly sinceMs: number;
  count: number;
}

/** Lets each peer ask for something once in a while. */
export class RateGate {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #what: string;
  readonly #bounds: RateGateBounds;
  /** Since when and how often each peer has asked, the longest ago first. */
  readonly #asked = new Map<PeerId, Asked>();
  #count = 0;

  /** `what` is named in the refusal. */
  constructor(
    clock: Clock,
    intervalMs: number,
    what: string,
    bounds: RateGateBounds = { asksMax: 1, asksInAllMax: ASKERS_REMEMBERED_MAX },
  ) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#what = what;
    this.#bounds = bounds;
  }

  /** Counts one ask.
   * @throws SwarmError ASKED_TOO_OFTEN; also where so many peers ask that no more is answered */
  pass(peer: PeerId): void {
    const { asksMax, asksInAllMax } = this.#bounds;
    const nowMs = this.#clock.monotonicMs();
    for (const [oldest, { sinceMs, count }] of this.#asked) {
      if (nowMs - sinceMs < this.#intervalMs) break;
      this.#asked.delete(oldest);
      this.#count -= count;
    }
    const own = this.#asked.get(peer) ?? { sinceMs: nowMs, count: 0 };
    if (own.count >= asksMax || this.#count >= asksInAllMax) {
      const often = asksMax === 1 ? "once" : `${asksMax} times`;
      const text = `${this.#what}: ${often} in ${this.#intervalMs} ms is answered`;
      throw new SwarmError("ASKED_TOO_OFTEN", text);
    }
    own.count++;
    this.#count++;
    this.#asked.set(peer, own);
  }
}
