/** How long a command takes that has nothing to do, beside node doing nothing at all. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, run } from "./process.ts";
import { rounded } from "./report.ts";
import type { BenchLine } from "./report.ts";
import { BenchSwarm } from "./swarm.ts";

const ROUNDS = 15;

/** Measures `status` and `ls` of an empty volume against `node -e 0`. */
export async function benchCli(): Promise<BenchLine[]> {
  const dir = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const swarm = await BenchSwarm.start(join(dir, "swarm"), 1, undefined);
  try {
    const reference = await medianOf(async () => (await run("node", ["-e", "0"])).seconds);
    const lines: BenchLine[] = [];
    for (const command of ["status", "ls"]) {
      const seconds = await medianOf(async () => (await swarm.hold(command)).seconds);
      lines.push({
        bench: `cli ${command}`,
        seconds: rounded(seconds),
        mbps: 0,
        reference: { name: "node -e 0", seconds: rounded(reference) },
        ratio: rounded(reference / seconds),
        floor: undefined,
        floorRatio: undefined,
        ownerCpuSeconds: 0,
        holdersCpuSeconds: 0,
        peakRssMiB: rounded(swarm.peakRssMib()),
      });
    }
    return lines;
  } finally {
    await swarm.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function medianOf(measure: () => Promise<number>): Promise<number> {
  await measure();
  const seconds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) seconds.push(await measure());
  return median(seconds);
}
