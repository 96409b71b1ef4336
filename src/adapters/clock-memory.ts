import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "../ports/clock.ts";

interface Sleeper {
  dueMs: number;
  wake: () => void;
}

/** Turns of the event loop after a sleeper woke, so that what it does next can begin to sleep. */
const TURNS = 4;

/** A clock that stands still but for `advance`. */
export class MemoryClock implements Clock {
  readonly #startMs: number;
  readonly #sleepers = new Set<Sleeper>();
  #elapsedMs = 0;

  /** `startMs` is the wall-clock time at the start. */
  constructor(startMs = 1_800_000_000_000) {
    this.#startMs = startMs;
  }

  nowMs(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  /** How many sleeps wait for their time. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(durationMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const sleeper = {
        dueMs: this.#elapsedMs + durationMs,
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal.removeEventListener("abort", abort);
          resolve();
        },
      };
      const abort = (): void => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#sleepers.add(sleeper);
    });
  }

  /** Lets `durationMs` pass: wakes sleepers one after the other, each at its own time. */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#elapsedMs + durationMs;
    await this.#settle();
    for (let next = this.#nextUntil(endMs); next !== undefined; next = this.#nextUntil(endMs)) {
      this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs);
      next.wake();
      await this.#settle();
    }
    this.#elapsedMs = endMs;
  }

  #nextUntil(endMs: number): Sleeper | undefined {
    let next: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (sleeper.dueMs <= endMs && sleeper.dueMs < (next?.dueMs ?? Infinity)) next = sleeper;
    }
    return next;
  }

  async #settle(): Promise<void> {
    for (let count = 0; count < TURNS; count++) await turn();
  }
}
