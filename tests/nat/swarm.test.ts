// Swarms that lose those who brought them together.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { until, writeRandom } from "../e2e/harness.ts";
import { digest } from "../e2e/trees.ts";
import { found, invite, joinSwarm, untilReached } from "./cell.ts";
import type { SeenPeer } from "./cell.ts";
import { NatLab, whyNoLab } from "./lab.ts";
import type { LabHost, Mode } from "./lab.ts";

const TEST_MAX_MS = 240_000;
const FILE_BYTES = 5_000_000;
/** How long it may take until peers have heard of each other. */
const MEET_MAX_MS = 90_000;
const limits = { skip: whyNoLab(), timeout: TEST_MAX_MS };

/** Runs a test in a lab of its own. */
async function within(
  hosts: Readonly<Record<string, Mode>>,
  run: (lab: NatLab) => Promise<void>,
): Promise<void> {
  const lab = NatLab.build(hosts);
  try {
    await lab.explain(() => run(lab));
  } finally {
    await lab.remove();
  }
}

/** The ids of those who answer a host. */
async function answering(host: LabHost): Promise<Set<string>> {
  const { peers } = await host.ask<{ peers: SeenPeer[] }>("peers", "--probe");
  return new Set(peers.filter(({ reachable }) => reachable === true).map(({ id }) => id));
}

/** Waits until all of these answer a host. */
async function untilMet(host: LabHost, others: readonly LabHost[]): Promise<void> {
  const met = async (): Promise<boolean> => {
    const ids = await answering(host);
    return others.every(({ id }) => ids.has(id));
  };
  const names = others.map(({ name }) => name).join(", ");
  await until(`${host.name} has answers of ${names}`, met, MEET_MAX_MS);
}

async function putAndGet(lab: NatLab, owner: LabHost, name: string): Promise<void> {
  writeRandom(lab.path(name), FILE_BYTES);
  await owner.ask("put", lab.path(name), `/${name}`);
  await assertThere(lab, owner, name);
}

async function assertThere(lab: NatLab, owner: LabHost, name: string): Promise<void> {
  const again = lab.path(`${name}-again`);
  rmSync(again, { force: true });
  await owner.ask("get", `/${name}`, again, "--peers-only");
  assert.equal(digest(again), digest(lab.path(name)));
}

test("a swarm of 10 goes on without its tracker and its bootstrap node", limits, () => {
  const open = { p1: "open", p2: "open", p3: "open", p4: "open", p5: "open", p6: "open" } as const;
  const hosts = { tracker: "open", boot: "open", ...open, homeA: "cone", homeB: "sym" } as const;
  return within(hosts, async (lab) => {
    const [tracker, boot] = [lab.host("tracker"), lab.host("boot")];
    await found(tracker, "tracker");
    const invitation = await invite(tracker, "--uses", "9");
    const ports = { port: 4470, public_address: `${boot.address}:4470` };
    await joinSwarm(boot, invitation, { ...ports, file_storage: 0 });
    const rest = lab.hosts.filter((host) => host !== tracker && host !== boot);
    for (const host of rest) await joinSwarm(host, invitation, { code: "2/4" });
    const [owner, other, ...holders] = rest;
    assert.ok(owner !== undefined && other !== undefined);
    const lines = [other, ...holders].filter(({ mode }) => mode === "open");
    await untilMet(owner, lines);
    await putAndGet(lab, owner, "before");

    await tracker.kill();
    await boot.kill();
    await putAndGet(lab, owner, "after");
    await assertThere(lab, owner, "before");

    await owner.kill();
    await owner.up();
    await untilMet(owner, lines);
    await assertThere(lab, owner, "after");
    await putAndGet(lab, owner, "later");
    // Others find them too, at home as well.
    for (const host of [other, lab.host("homeA")]) {
      await host.kill();
      await host.up();
      await untilMet(
        host,
        lines.filter((line) => line !== host),
      );
    }
  });
});

test("a guest gets in through another member when the inviter is off", limits, () => {
  const hosts = { pub1: "open", pub2: "open", homeA: "cone", homeB: "sym", homeC: "cone" } as const;
  return within(hosts, async (lab) => {
    const [founder, member, inviter] = [lab.host("pub1"), lab.host("pub2"), lab.host("homeA")];
    await found(founder);
    const first = await invite(founder, "--uses", "2");
    await joinSwarm(member, first, { port: 4470, public_address: `${member.address}:4470` });
    await joinSwarm(inviter, first);
    await untilReached(inviter, member);
    const fromHome = await invite(inviter);
    const fromFounder = await invite(founder);
    await inviter.kill();
    const guest = lab.host("homeB");
    await joinSwarm(guest, fromHome);
    await untilReached(guest, member);
    await founder.kill();
    const late = lab.host("homeC");
    await joinSwarm(late, fromFounder);
    await untilReached(late, member);
    await untilReached(late, guest);
  });
});

test("rekey shuts out who is left behind, and nobody else", limits, () => {
  const hosts = {
    pub1: "open",
    pub2: "open",
    homeA: "cone",
    homeB: "cone",
    homeX: "cone",
  } as const;
  return within(hosts, async (lab) => {
    const [founder, away, left] = [lab.host("pub1"), lab.host("homeB"), lab.host("homeX")];
    const [holder, owner] = [lab.host("pub2"), lab.host("homeA")];
    await found(founder);
    const invitation = await invite(founder, "--uses", "4");
    await joinSwarm(holder, invitation);
    await joinSwarm(owner, invitation, { file_storage: 0, code: "1/1" });
    await joinSwarm(away, invitation, { file_storage: 0 });
    await joinSwarm(left, invitation, { file_storage: 0, code: "1/1" });
    for (const host of [owner, away, left]) await untilMet(host, [founder, holder]);
    await putAndGet(lab, owner, "before");
    await putAndGet(lab, left, "of-the-other");

    await away.kill();
    await founder.ask("swarm", "rekey", "--without", left.id, "--yes");
    await until(
      "nobody answers who was left behind",
      async () => (await answering(left)).size === 0,
      MEET_MAX_MS,
    );
    await left.kill();
    await left.up();
    assert.deepEqual(await answering(left), new Set());
    const get = await left.run("get", "/of-the-other", lab.path("none"), "--peers-only");
    assert.notEqual(get.status, 0);

    await untilMet(owner, [founder, holder]);
    await putAndGet(lab, owner, "after");
    await assertThere(lab, owner, "before");
    // One that was off meanwhile fetches the new key.
    await away.up();
    await untilMet(away, [founder, holder]);
    await untilMet(owner, [away]);
  });
});
