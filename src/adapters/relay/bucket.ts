import type { Clock } from "../../ports/clock.ts";

/** What may go at once before the rate holds. */
const BURST_MS = 250;

/** Bytes per second, without a queue: who spends more than there is gets into debt, and waits until
 * it is paid. So several streams share a rate in the order in which they spend. */
export class ByteBucket {
  readonly #bytesPerSecond: number;
  readonly #clock: Clock;
  #bytes: number;
  #filledMs: number;

  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
    this.#bytes = this.#burstBytes;
    this.#filledMs = clock.monotonicMs();
  }

  /** @returns how many milliseconds to wait before the next bytes; 0: none */
  spend(sizeBytes: number): number {
    const nowMs = this.#clock.monotonicMs();
    const freshBytes = ((nowMs - this.#filledMs) * this.#bytesPerSecond) / 1_000;
    this.#filledMs = nowMs;
    this.#bytes = Math.min(this.#burstBytes, this.#bytes + freshBytes) - sizeBytes;
    return this.#bytes >= 0 ? 0 : (-this.#bytes * 1_000) / this.#bytesPerSecond;
  }

  get #burstBytes(): number {
    return (this.#bytesPerSecond * BURST_MS) / 1_000;
  }
}
