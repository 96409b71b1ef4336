// Swarms that lose those who brought them together.
import assert from "node:assert/strict";
import { test } from "node:test";
import { found, invite, joinSwarm, untilReached } from "./cell.ts";
import { whyNoLab } from "./lab.ts";
import { assertThere, putAndGet, untilMet, within } from "./within.ts";

const limits = { skip: whyNoLab(), timeout: 240_000 };

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
