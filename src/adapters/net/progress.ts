import type { SessionTimes } from "./options.ts";

/** What one side of a transfer is waiting for. `own` is ourselves: the clock of the other side
 * stands still while our disk or our caller is slow. */
export type Phase = "own" | "answer" | "bytes";

/** One request or answer in flight. */
export class Transfer {
  phase: Phase = "own";
  /** Bytes moved since the phase began. */
  bytes = 0;
  seenBytes = 0;
  movedMs = 0;
  windowBytes = 0;
  windowMs = 0;
  readonly giveUp: (reason: string) => void;

  /** `giveUp` is called once the other side misses a deadline, again until the transfer is
   * ended. */
  constructor(giveUp: (reason: string) => void) {
    this.giveUp = giveUp;
  }

  /** Begins to wait for something else. */
  enter(phase: Phase): void {
    if (phase === this.phase) return;
    this.phase = phase;
    this.movedMs = this.windowMs = performance.now();
    this.windowBytes = this.bytes;
  }
}

/** Watches transfers with one timer for all of them: bytes are only counted when they move. */
export class ProgressWatch {
  readonly #times: SessionTimes;
  readonly #transfers = new Set<Transfer>();
  readonly #tickMs: number;
  #timer: NodeJS.Timeout | undefined;
  #checkedMs = 0;

  constructor(times: SessionTimes) {
    this.#times = times;
    const { answerMs, stallMs, floorWindowMs } = times;
    this.#tickMs = Math.max(5, Math.min(answerMs, stallMs, floorWindowMs) / 4);
  }

  start(transfer: Transfer): void {
    this.#transfers.add(transfer);
    if (this.#timer !== undefined) return;
    this.#checkedMs = performance.now();
    this.#timer = setInterval(() => this.#check(), this.#tickMs).unref();
  }

  end(transfer: Transfer): void {
    this.#transfers.delete(transfer);
    if (this.#transfers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    const nowMs = performance.now();
    const isLate = nowMs - this.#checkedMs > 2 * this.#tickMs;
    this.#checkedMs = nowMs;
    // We were busy or asleep ourselves: what came meanwhile has not been read yet.
    if (isLate) return;
    for (const transfer of this.#transfers) {
      const reason = this.#reasonToGiveUp(transfer, nowMs);
      if (reason !== undefined) transfer.giveUp(reason);
    }
  }

  #reasonToGiveUp(transfer: Transfer, nowMs: number): string | undefined {
    if (transfer.phase === "own") return undefined;
    if (transfer.bytes !== transfer.seenBytes) {
      transfer.seenBytes = transfer.bytes;
      transfer.movedMs = nowMs;
    }
    const limitMs = transfer.phase === "answer" ? this.#times.answerMs : this.#times.stallMs;
    if (nowMs - transfer.movedMs > limitMs) {
      return transfer.phase === "answer"
        ? `no answer within ${limitMs} ms`
        : `no byte moved for ${limitMs} ms`;
    }
    const windowMs = nowMs - transfer.windowMs;
    if (transfer.phase === "answer" || windowMs < this.#times.floorWindowMs) return undefined;
    const perSecond = ((transfer.bytes - transfer.windowBytes) * 1_000) / windowMs;
    transfer.windowMs = nowMs;
    transfer.windowBytes = transfer.bytes;
    if (perSecond >= this.#times.floorBytesPerSecond) return undefined;
    return `${Math.round(perSecond)} bytes a second, less than ${this.#times.floorBytesPerSecond}`;
  }
}
