import { GROUP_COMMIT_MS } from "../base/limits.ts";
import type { Clock } from "../ports/clock.ts";

interface Waiting {
  work: () => void;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** Commits what several uploads change in one transaction: a commit costs the disk a sync, whatever
 * it holds. An upload that is alone does not wait. */
export class CommitGroup {
  readonly #transaction: (work: () => void) => void;
  readonly #clock: Clock;
  readonly #never = new AbortController().signal;
  #members = 0;
  #waiting: Waiting[] = [];
  #isTimed = false;

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
    this.#flushIfComplete();
  }

  /** Runs `work` in a transaction with others' work; resolves when it is durable.
   * `work` runs again, alone, where the common transaction failed. */
  async commit(work: () => void): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ work, resolve, reject });
    });
    this.#flushIfComplete();
    if (this.#waiting.length > 0 && !this.#isTimed) void this.#flushSoon();
    await done;
  }

  async #flushSoon(): Promise<void> {
    this.#isTimed = true;
    await this.#clock.sleep(GROUP_COMMIT_MS, this.#never);
    this.#isTimed = false;
    this.#flush();
  }

  #flushIfComplete(): void {
    if (this.#waiting.length >= this.#members) this.#flush();
  }

  #flush(): void {
    const group = this.#waiting;
    if (group.length === 0) return;
    this.#waiting = [];
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
