/** Time. Everything below `adapters/` that needs it gets it from here. */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970; may jump. */
  nowMs(): number;
  /** A time that never goes back, in milliseconds from an arbitrary start. */
  monotonicMs(): number;
  /** Resolves after `durationMs`.
   * @throws the signal's reason when it is aborted */
  sleep(durationMs: number, signal: AbortSignal): Promise<void>;
}
