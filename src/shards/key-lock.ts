/** Runs work on one key at a time, in the order of asking; different keys do not wait. */
export class KeyLock {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `work` when what was asked for this key before has ended. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tails.set(key, promise);
    try {
      await before;
      return await work();
    } finally {
      if (this.#tails.get(key) === promise) this.#tails.delete(key);
      resolve();
    }
  }
}
