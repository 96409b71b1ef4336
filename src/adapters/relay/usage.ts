import { epochOf, type Epoch, type PeerId } from "../../base/id.ts";
import type { Clock } from "../../ports/clock.ts";
import type { RelayLimits } from "./limits.ts";

/** What a relay has carried between two peers. */
export interface RelayUsage {
  readonly dialler: PeerId;
  readonly target: PeerId;
  /** From the dialler to the target. */
  readonly forthBytes: number;
  readonly backBytes: number;
}

interface Counter {
  readonly dialler: PeerId;
  readonly target: PeerId;
  forthBytes: number;
  backBytes: number;
}

/** Counts the bytes that a relay carries. Bounded: the pair that began no stream for the longest
 * time is forgotten first. */
export class UsageBook {
  readonly #limits: RelayLimits;
  readonly #clock: Clock;
  readonly #pairs = new Map<string, Counter>();
  #epoch: Epoch = 0;
  #epochBytes = 0;

  constructor(limits: RelayLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Whether the bytes of this day are used up. */
  get isSpent(): boolean {
    this.#turnDay();
    return this.#epochBytes >= (this.#limits.bytesPerDayMax ?? Infinity);
  }

  /** Begins a stream.
   * @returns what counts its bytes; false: the day's bytes are used up, and these do not go */
  begin(dialler: PeerId, target: PeerId): (lengthBytes: number, isForth: boolean) => boolean {
    const name = `${dialler} ${target}`;
    const counter = this.#pairs.get(name) ?? { dialler, target, forthBytes: 0, backBytes: 0 };
    this.#pairs.delete(name);
    this.#pairs.set(name, counter);
    if (this.#pairs.size > this.#limits.usagePairsMax) {
      for (const oldest of this.#pairs.keys()) {
        this.#pairs.delete(oldest);
        break;
      }
    }
    return (lengthBytes, isForth) => {
      if (this.isSpent) return false;
      this.#epochBytes += lengthBytes;
      if (isForth) counter.forthBytes += lengthBytes;
      else counter.backBytes += lengthBytes;
      return true;
    };
  }

  /** What was carried since the start, the pair that was served last at the end. */
  list(): RelayUsage[] {
    return [...this.#pairs.values()].map((counter) => ({ ...counter }));
  }

  #turnDay(): void {
    const epoch = epochOf(this.#clock.nowMs());
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#epochBytes = 0;
  }
}
