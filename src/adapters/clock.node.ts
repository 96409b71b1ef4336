import type { Clock } from "../ports/clock.ts";

/** The longest delay that a Node timer takes; longer sleeps are made of several. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** The machine's own time. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(durationMs, signal) {
    const endMs = performance.now() + durationMs;
    let leftMs = durationMs;
    for (; leftMs > 0 && !signal.aborted; leftMs = endMs - performance.now()) {
      await pause(Math.min(leftMs, TIMER_MAX_MS), signal);
    }
    signal.throwIfAborted();
  },
};

/** Resolves after `durationMs`, or when `signal` is aborted. What `node:timers/promises` has for it
 * makes an error with a stack for every sleep that is cut short, as most are. */
function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, durationMs);
    signal.addEventListener("abort", finish, { once: true });
    if (signal.aborted) finish();
  });
}

/** A clock that runs with the machine's time and can be moved forward, so that a test makes days
 * pass in a real daemon. */
export interface SteerableClock extends Clock {
  /** Moves both times forward and wakes every sleeper that is then due.
   * @throws RangeError for a step that is not a finite number ≥ 0 */
  advance(stepMs: number): void;
}

/** Makes a steerable clock that stands at the machine's time. */
export function createSteerableClock(): SteerableClock {
  let offsetMs = 0;
  const sleepers = new Set<AbortController>();
  const monotonicMs = (): number => performance.now() + offsetMs;
  return {
    nowMs: () => Date.now() + Math.floor(offsetMs),
    monotonicMs,
    async sleep(durationMs, signal) {
      const dueMs = monotonicMs() + durationMs;
      // A step wakes every sleeper; one that is not due yet sleeps on for what is left.
      for (let leftMs = durationMs; leftMs > 0; leftMs = dueMs - monotonicMs()) {
        const step = new AbortController();
        sleepers.add(step);
        try {
          await systemClock.sleep(leftMs, AbortSignal.any([signal, step.signal]));
        } catch (error) {
          signal.throwIfAborted();
          if (!step.signal.aborted) throw error;
        } finally {
          sleepers.delete(step);
        }
      }
      signal.throwIfAborted();
    },
    advance(stepMs) {
      if (!Number.isFinite(stepMs) || stepMs < 0) {
        throw new RangeError(`a clock moves forward by a finite number of milliseconds: ${stepMs}`);
      }
      offsetMs += stepMs;
      for (const sleeper of sleepers) sleeper.abort();
    },
  };
}
