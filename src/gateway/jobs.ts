import { setTimeout as timer } from "node:timers/promises";
import { GatewayError } from "./error.ts";

/** Most requests that are worked on at once; one more is refused, not queued. */
export const LOCAL_JOBS_MAX = 64;

/** One request being worked on. */
export interface Job {
  /** Aborted when the client goes away or the daemon cuts what is left. */
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  end(): void;
}

/** The requests in flight, so that a stopping daemon can let them end. */
export interface Jobs {
  /** How many there are. */
  count(): number;
  /** Begins a job; one that is taken `always` even while the daemon is stopping or busy.
   * @throws GatewayError DAEMON_STOPPING | DAEMON_BUSY */
  begin(options?: { always?: boolean }): Job;
  /** Refuses new jobs, waits up to `graceMs` for those there are, then aborts them and waits as
   * long again. Resolves to the number of jobs that had to be cut. */
  drain(graceMs: number): Promise<number>;
}

/** Makes an empty set of jobs. */
export function createJobs(maximum: number = LOCAL_JOBS_MAX): Jobs {
  const running = new Set<AbortController>();
  let stopping = false;
  let idle: (() => void) | undefined;
  const waitIdle = async (graceMs: number): Promise<void> => {
    if (running.size === 0) return;
    const late = new AbortController();
    const empty = new Promise<void>((resolve) => {
      idle = resolve;
    });
    await Promise.race([empty, timer(graceMs, undefined, { signal: late.signal }).catch(() => {})]);
    late.abort();
  };
  return {
    count: () => running.size,
    begin({ always = false } = {}) {
      if (stopping && !always) {
        throw new GatewayError("DAEMON_STOPPING", "the daemon is stopping", {
          hint: "run the command again: it starts the daemon",
        });
      }
      if (running.size >= maximum && !always) {
        throw new GatewayError("DAEMON_BUSY", `the daemon works on ${running.size} requests`, {
          hint: "try again when some of them have ended",
        });
      }
      const controller = new AbortController();
      running.add(controller);
      return {
        signal: controller.signal,
        abort: (reason) => controller.abort(reason),
        end() {
          running.delete(controller);
          if (running.size === 0) idle?.();
        },
      };
    },
    async drain(graceMs) {
      stopping = true;
      await waitIdle(graceMs);
      const cut = running.size;
      for (const controller of running) {
        controller.abort(new GatewayError("JOB_ABORTED", "the daemon was stopped"));
      }
      await waitIdle(graceMs);
      return cut;
    },
  };
}
