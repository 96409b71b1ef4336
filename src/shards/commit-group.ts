import { GROUP_COMMIT_MAX_MS, GROUP_COMMIT_MIN_MS } from "../base/limits.ts";
import type { Clock } from "../ports/clock.ts";

interface Waiting {
  work: () => void;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** A commit that takes longer is worth waiting for company. */
const SLOW_COMMIT_MS = 1;
/** On a slow disk so many commits do not wait before it is tried whether others come. */
const PROBE_EVERY = 8;

/** Commits what several uploads change in one transaction: a commit costs the disk a sync, whatever
 * it holds. One waits while others are on their way, and, where the disk is slow, as long as a
 * commit takes if that brought company the last time; else it goes at once. */
export class CommitGroup {
  readonly #transaction: (work: () => void) => void;
  readonly #clock: Clock;
  readonly #never = new AbortController().signal;
  #members = 0;
  #waiting: Waiting[] = [];
  #isTimed = false;
  #commits = 0;
  #lastSize = 1;
  #lastMs = 0;

  constructor(transaction: (work: () => void) => void, clock: Clock) {
    this.#transaction = transaction;
    this.#clock = clock;
  }

  /** Counts an upload in that will come to commit, or not; `leave` ends it. */
  enter(): void {
    this.#members++;
  }

  leave(): void {
    this.#members--;
    if (!this.#isWorthWaiting()) this.#flush();
  }

  /** Runs `work` in a transaction with others' work; resolves when it is durable.
   * `work` runs again, alone, where the common transaction failed. */
  async commit(work: () => void): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ work, resolve, reject });
    });
    if (this.#isWorthWaiting()) void this.#flushSoon();
    else this.#flush();
    await done;
  }

  #isWorthWaiting(): boolean {
    if (this.#waiting.length < this.#members) return true;
    const isCompanyLikely = this.#lastSize > 1 || this.#commits % PROBE_EVERY === PROBE_EVERY - 1;
    return this.#lastMs > SLOW_COMMIT_MS && isCompanyLikely;
  }

  async #flushSoon(): Promise<void> {
    if (this.#isTimed) return;
    this.#isTimed = true;
    const waitMs = Math.max(GROUP_COMMIT_MIN_MS, Math.min(this.#lastMs, GROUP_COMMIT_MAX_MS));
    await this.#clock.sleep(waitMs, this.#never);
    this.#isTimed = false;
    this.#flush();
  }

  #flush(): void {
    const group = this.#waiting;
    if (group.length === 0) return;
    this.#waiting = [];
    const startMs = this.#clock.monotonicMs();
    this.#commitAll(group);
    this.#commits++;
    this.#lastSize = group.length;
    this.#lastMs = this.#clock.monotonicMs() - startMs;
  }

  #commitAll(group: readonly Waiting[]): void {
    if (group.length > 1 && this.#attempt(() => group.forEach(({ work }) => work()), undefined)) {
      for (const { resolve } of group) resolve();
      return;
    }
    for (const { work, resolve, reject } of group) {
      if (this.#attempt(work, reject)) resolve();
    }
  }

  #attempt(work: () => void, reject: ((error: unknown) => void) | undefined): boolean {
    try {
      this.#transaction(work);
      return true;
    } catch (error) {
      reject?.(error);
      return false;
    }
  }
}
