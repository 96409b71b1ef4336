import { codeOf } from "../base/error.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { VolumeStatus } from "../volume/service.ts";

/** How often it is looked whether there is something to finish. */
const LOOK_MS = 1_000;
/** After an attempt that left something unsafe the next one waits so long, doubled each time. */
const WAIT_FIRST_MS = 2_000;
const WAIT_MAX_MS = 30_000;

/** What finishing needs of the volume. */
export interface Finishable {
  status(): VolumeStatus;
  finish(signal: AbortSignal): Promise<void>;
  rest(): void;
  watch(signal: AbortSignal): Promise<void>;
}

interface FinishingParts {
  volume: Finishable;
  clock: Clock;
  log: Log;
}

/** Makes a volume safe without a command: recovers its index at the start, spreads what lies here
 * alone as soon as holders come, writes a head again that its keepers do not have, watches whether
 * what is stored can be fetched, and lets go of memory after a change.
 * @returns what ends it; resolves when nothing runs any more */
export function keepFinishing(parts: FinishingParts): () => Promise<void> {
  const stop = new AbortController();
  const ended = new Finishing(parts).run(stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  return async () => {
    stop.abort(new Error("the daemon stops"));
    await ended;
  };
}

class Finishing {
  readonly #parts: FinishingParts;
  #waitMs = WAIT_FIRST_MS;
  #nextMs = 0;
  /** What the last attempt has found and left: while nothing of it changes, waits grow. */
  #seen = "";

  constructor(parts: FinishingParts) {
    this.#parts = parts;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    for (;;) {
      await clock.sleep(LOOK_MS, signal);
      this.#parts.volume.rest();
      await this.#parts.volume.watch(signal);
      const seen = this.#look();
      const isNew = seen !== this.#seen;
      if (isNew) this.#waitMs = WAIT_FIRST_MS;
      const isDue = !this.#parts.volume.status().safe && clock.monotonicMs() >= this.#nextMs;
      if (isNew || isDue) await this.#attempt(signal);
    }
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const { volume, clock, log } = this.#parts;
    try {
      await volume.finish(signal);
    } catch (error) {
      signal.throwIfAborted();
      log.write("info", "finish.later", { reason: codeOf(error) ?? "GAVE_WAY" });
    }
    this.#seen = this.#look();
    this.#nextMs = clock.monotonicMs() + this.#waitMs;
    this.#waitMs = Math.min(WAIT_MAX_MS, this.#waitMs * 2);
  }

  #look(): string {
    const { safe, snapshot, packs, peers } = this.#parts.volume.status();
    return JSON.stringify([safe, snapshot, packs, peers.known]);
  }
}
