// The memory of a daemon does not grow with the size of a file.
import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { TestSwarm, daemonPid, writeRandom } from "./harness.ts";
import { digest } from "./trees.ts";

const MIB = 2 ** 20;
const PEAK_MAX_MIB = 300;
/** HOLDFAST_E2E_MIB=10240 for a file of 10 GiB. */
const fileMib = Number(process.env["HOLDFAST_E2E_MIB"] ?? 512);

let swarm: TestSwarm;
before(async () => {
  swarm = await TestSwarm.demo("memory", 4);
});
after(() => swarm.stop());

/** The most memory that a daemon ever had, in MiB. */
function peakMib(home: string): number {
  const status = readFileSync(`/proc/${daemonPid(home)}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}

test(
  `put and get of ${fileMib} MiB take less than ${PEAK_MAX_MIB} MiB`,
  { timeout: Infinity },
  async (t) => {
    writeRandom(swarm.path("big"), fileMib * MIB);
    await swarm.ask("put", swarm.path("big"), "/big", "--code", "2/3");
    const afterPut = peakMib(swarm.owner.home);
    await swarm.ask("get", "/big", swarm.path("again"), "--peers-only");
    const afterGet = peakMib(swarm.owner.home);
    const holders = swarm.peers.map(({ home }) => Math.round(peakMib(home)));
    t.diagnostic(
      `peak after put ${Math.round(afterPut)} MiB, after get ${Math.round(afterGet)} MiB; ` +
        `holders ${holders.join(", ")} MiB`,
    );
    if (fileMib <= 1024) assert.equal(digest(swarm.path("again")), digest(swarm.path("big")));
    rmSync(swarm.path("again"));
    assert.ok(afterPut < PEAK_MAX_MIB && afterGet < PEAK_MAX_MIB, `${afterPut}, ${afterGet} MiB`);
    for (const peak of holders) assert.ok(peak < PEAK_MAX_MIB, `a holder took ${peak} MiB`);
  },
);
