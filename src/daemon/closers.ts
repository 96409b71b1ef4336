/** What has to be closed, in the reverse order of opening. */
export interface Closers {
  add(close: () => void | Promise<void>): void;
  /** Closes everything, the last first; every one is tried.
   * @throws the first failure */
  close(): Promise<void>;
}

/** Makes an empty list. */
export function createClosers(): Closers {
  const list: (() => void | Promise<void>)[] = [];
  return {
    add: (close) => void list.push(close),
    async close() {
      let failure: { error: unknown } | undefined;
      for (let next = list.pop(); next !== undefined; next = list.pop()) {
        try {
          await next();
        } catch (error) {
          failure ??= { error };
        }
      }
      if (failure !== undefined) throw failure.error;
    },
  };
}
