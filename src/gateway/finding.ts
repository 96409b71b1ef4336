/** `fail`: this peer is of no use as it is; `warn`: it works, but worse than it could. */
export type Verdict = "ok" | "warn" | "fail";

/** One thing that was looked at. */
export interface Finding {
  /** A word for programs: "router", "direct", "disk"… */
  name: string;
  verdict: Verdict;
  /** One line. */
  says: string;
  /** What to do about it. */
  remedy?: string;
}

/** A finding that is as it should be. */
export function ok(name: string, says: string): Finding {
  return { name, verdict: "ok", says };
}

/** A finding that makes things worse than they could be. */
export function warn(name: string, says: string, remedy: string): Finding {
  return { name, verdict: "warn", says, remedy };
}

/** A finding that leaves this peer of no use. */
export function fail(name: string, says: string, remedy: string): Finding {
  return { name, verdict: "fail", says, remedy };
}
