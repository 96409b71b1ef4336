import type { DoctorFacts } from "./doctor-facts.ts";
import { judgeMachine } from "./doctor-machine.ts";
import { judgeNetwork } from "./doctor-network.ts";
import { judgeWays } from "./doctor-ways.ts";
import type { Finding } from "./finding.ts";

/** What `doctor` says. */
export interface DoctorReport {
  /** Whether nothing fails. */
  healthy: boolean;
  findings: Finding[];
}

/** Judges facts: pure, so that every kind of router can be shown in a test. */
export function judge(facts: DoctorFacts): DoctorReport {
  const findings = [...judgeNetwork(facts), ...judgeWays(facts), ...judgeMachine(facts)];
  return { healthy: findings.every(({ verdict }) => verdict !== "fail"), findings };
}
