import type { PeerId } from "../base/id.ts";
import { ASKERS_REMEMBERED_MAX } from "../base/limits.ts";
import type { Clock } from "../ports/clock.ts";
import { SwarmError } from "./error.ts";

/** Lets each peer ask for something once in a while. */
export class RateGate {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #what: string;
  /** When each peer asked last, the longest ago first. */
  readonly #askedMs = new Map<PeerId, number>();

  /** `what` is named in the refusal. */
  constructor(clock: Clock, intervalMs: number, what: string) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#what = what;
  }

  /** Counts one ask.
   * @throws SwarmError ASKED_TOO_OFTEN; also where so many peers ask that none can be told from
   * those that asked just now */
  pass(peer: PeerId): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [oldest, askedMs] of this.#askedMs) {
      if (nowMs - askedMs < this.#intervalMs) break;
      this.#askedMs.delete(oldest);
    }
    if (this.#askedMs.has(peer) || this.#askedMs.size >= ASKERS_REMEMBERED_MAX) {
      const text = `${this.#what}: once in ${this.#intervalMs} ms is answered`;
      throw new SwarmError("ASKED_TOO_OFTEN", text);
    }
    this.#askedMs.set(peer, nowMs);
  }
}
