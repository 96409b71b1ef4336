import { MIB, STORE_FREE_MIN_BYTES } from "../base/limits.ts";
import type { DoctorFacts } from "./doctor-facts.ts";
import { fail, ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";

const GIB = 1024 * MIB;
/** A difference of clocks that a user should mend, and one at which holders refuse uploads. */
const SKEW_WARN_MS = 5 * 60_000;
const SKEW_FAIL_MS = 24 * 3_600_000;

/** The machine itself: clock, disk, home, versions. */
export function judgeMachine(facts: DoctorFacts): Finding[] {
  return [judgeClock(facts), judgeDisk(facts), judgeHome(facts), judgeVersions(facts)];
}

function judgeClock({ clockSkewsMs }: DoctorFacts): Finding {
  // The middle one of all: a single wrong clock at the other side says nothing about ours.
  const skewMs = clockSkewsMs.toSorted((a, b) => a - b)[clockSkewsMs.length >> 1];
  if (skewMs === undefined) return ok("clock", "no peer to compare it with");
  const amount = spanOf(Math.abs(skewMs));
  const way = skewMs > 0 ? "behind" : "ahead of";
  const remedy = "set this machine's clock, or switch on NTP";
  if (Math.abs(skewMs) < SKEW_WARN_MS) return ok("clock", `${amount} ${way} the peers'`);
  const says = `is ${amount} ${way} the peers' clocks`;
  if (Math.abs(skewMs) < SKEW_FAIL_MS) return warn("clock", says, remedy);
  return fail("clock", `${says}: they refuse what this peer says`, remedy);
}

function judgeDisk({ home }: DoctorFacts): Finding {
  const { freeBytes, offeredBytes, usedBytes } = home;
  const free = `${sizeOf(freeBytes)} free`;
  const promised = Math.max(0, offeredBytes - usedBytes);
  if (freeBytes < STORE_FREE_MIN_BYTES) {
    return fail("disk", `${free}: nothing can be taken in`, "free some space on the store's disk");
  }
  if (freeBytes < promised) {
    return warn(
      "disk",
      `${free}, but ${sizeOf(promised)} more are offered to others`,
      "free some space, or offer less: `holdfast config set file_storage …`",
    );
  }
  return ok("disk", `${free}, ${sizeOf(usedBytes)} of ${sizeOf(offeredBytes)} offered are used`);
}

function judgeHome({ home }: DoctorFacts): Finding {
  const [first, ...others] = home.exposed;
  if (first === undefined) return ok("home", "only this user can read it");
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  return fail(
    "home",
    `other users can get at ${first}${more}`,
    "take their rights away: `chmod -R go= ~/.holdfast`",
  );
}

function judgeVersions({ versions }: DoctorFacts): Finding {
  const { holdfast, node, protocolMismatches, asked } = versions;
  const own = `Holdfast ${holdfast}, Node ${node}`;
  if (protocolMismatches === 0) return ok("version", own);
  return warn(
    "version",
    `${own}; ${protocolMismatches} of ${asked} peers speak another protocol`,
    "update the older side",
  );
}

function sizeOf(bytes: number): string {
  return bytes >= GIB ? `${(bytes / GIB).toFixed(1)} GiB` : `${Math.floor(bytes / MIB)} MiB`;
}

function spanOf(spanMs: number): string {
  if (spanMs < 1_000) return `${Math.round(spanMs)} ms`;
  if (spanMs < 120_000) return `${Math.round(spanMs / 1_000)} s`;
  if (spanMs < 2 * 3_600_000) return `${Math.round(spanMs / 60_000)} min`;
  return `${Math.round(spanMs / 3_600_000)} h`;
}
