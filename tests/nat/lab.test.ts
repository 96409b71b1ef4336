// The lab itself: its routers are what they say, and daemons on its public hosts reach each other.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { writeRandom } from "../e2e/harness.ts";
import { digest } from "../e2e/trees.ts";
import { NatLab, whyNoLab } from "./lab.ts";
import type { Mode } from "./lab.ts";
import type { Found } from "./udp-probe.ts";

const PROBE = [process.execPath, join(import.meta.dirname, "udp-probe.ts")];
const PORT = 5_000;
const skip = whyNoLab();

/** What a probe in a home behind such a router finds: how often it was seen, at how many different
 * addresses, and whether strangers get through. */
async function findRouter(mode: Mode): Promise<{ seen: number; ports: number; unasked: boolean }> {
  const lab = NatLab.build({ pub1: "open", pub2: "open", home: mode });
  try {
    const hosts = [lab.host("pub1"), lab.host("pub2")];
    for (const { name, address } of hosts) {
      const { child } = lab.start(name, [...PROBE, "serve", address, String(PORT)]);
      await new Promise((resolve) => child.stdout?.once("data", resolve));
    }
    const targets = hosts.map(({ address }) => `${address}:${PORT}`);
    const { stdout, stderr } = await lab.start("home", [...PROBE, "ask", ...targets]).ended;
    assert.notEqual(stdout, "", stderr);
    const { seen, unasked } = JSON.parse(stdout) as Found;
    const there = seen.filter((address) => address !== null);
    return { seen: there.length, ports: new Set(there).size, unasked };
  } finally {
    await lab.remove();
  }
}

test("the lab's routers are of the kind that they are called", { skip }, async () => {
  const found: Record<string, object> = {};
  const modes = ["open", "fullcone", "cone", "sym", "blocked"] as const;
  for (const mode of modes) found[mode] = await findRouter(mode);
  assert.deepEqual(found, {
    open: { seen: 2, ports: 1, unasked: true },
    fullcone: { seen: 2, ports: 1, unasked: true },
    cone: { seen: 2, ports: 1, unasked: false },
    sym: { seen: 2, ports: 2, unasked: false },
    blocked: { seen: 0, ports: 0, unasked: false },
  });
});

test("two daemons on public hosts that know each other put and get", { skip }, async () => {
  const lab = NatLab.build({ pub1: "open", pub2: "open" });
  try {
    await lab.explain(async () => {
      const [owner, holder] = [lab.host("pub1"), lab.host("pub2")];
      await owner.init({ file_storage: 0, code: "1/1" });
      await holder.init({}, join(owner.home, "keys", "swarm.key"));
      const ports = [(await owner.up()).port, (await holder.up()).port];
      await owner.ask("peers", "add", `${holder.id}@${holder.address}:${ports[1]}`);
      await holder.ask("peers", "add", `${owner.id}@${owner.address}:${ports[0]}`);
      const [file, again] = [lab.path("file"), lab.path("again")];
      writeRandom(file, 2 ** 20);
      await owner.ask("put", file, "/file");
      await owner.ask("get", "/file", again, "--peers-only");
      assert.equal(digest(again), digest(file));
    });
  } finally {
    await lab.remove();
  }
});

test("a removed lab leaves no namespace and no folder", { skip }, async () => {
  const lab = NatLab.build({ pub: "open", home: "sym" });
  const there = (): string[] =>
    spawnSync("ip", ["netns", "list"], { encoding: "utf8" })
      .stdout.split("\n")
      .filter((line) => line.startsWith(`${lab.name}-`));
  // The public network, its host, the router and the home.
  assert.equal(there().length, 4);
  await lab.remove();
  assert.deepEqual(there(), []);
  assert.ok(!existsSync(lab.folder));
});
