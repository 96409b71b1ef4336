import type { DoctorFacts } from "./doctor-facts.ts";

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

/** What `doctor` says. */
export interface DoctorReport {
  /** Whether nothing fails. */
  healthy: boolean;
  findings: Finding[];
}

/** Judges facts: pure, so that every kind of router can be shown in a test. */
export function judge(_facts: DoctorFacts): DoctorReport {
  return { healthy: true, findings: [] };
}
