// `holdfast doctor` behind every kind of router says which it is, and what will work.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DoctorReport } from "../../src/gateway/doctor.ts";
import { found, invite, joinSwarm, untilReached } from "./cell.ts";
import { whyNoLab } from "./lab.ts";
import { within } from "./within.ts";

const limits = { skip: whyNoLab(), timeout: 240_000 };

/** What it must say, by the name of the finding: its verdict and words of it. */
const WANTED: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  open: {
    router: /^ok none that translates/,
    direct: /^ok peers get through to 203\.0\.113\.12:/,
    punched: /^ok /,
  },
  // A full cone lets every datagram in, as if it did not translate. Peers try TCP for few others
  // at once: who asks last may hear that nobody could.
  fullcone: { router: /^ok /, direct: /^warn /, punched: /^ok / },
  cone: { router: /^ok .*cone/, direct: /^warn /, punched: /^ok / },
  sym: { router: /^warn .*symmetric/, direct: /^warn /, punched: /^warn .*not with/ },
  blocked: {
    router: /^warn UDP is blocked/,
    direct: /^warn /,
    punched: /^warn will not work/,
    relayed: /^ok .*connected/,
  },
};

test("doctor tells every kind of router and what works behind it", limits, () => {
  const homes = { open: "open", fullcone: "fullcone", cone: "cone", sym: "sym" } as const;
  return within({ pub1: "open", ...homes, blocked: "blocked" }, async (lab) => {
    const founder = lab.host("pub1");
    await found(founder);
    const guests = lab.hosts.filter((host) => host !== founder);
    const invitation = await invite(founder, "--uses", String(guests.length));
    for (const guest of guests) await joinSwarm(guest, invitation);
    for (const guest of guests) {
      await untilReached(guest, founder);
      const { findings, healthy } = await guest.ask<DoctorReport>("doctor");
      assert.equal(healthy, true, guest.name);
      const said = new Map(findings.map(({ name, verdict, says }) => [name, `${verdict} ${says}`]));
      for (const [name, words] of Object.entries(WANTED[guest.name] ?? {})) {
        assert.match(said.get(name) ?? "", words, `${guest.name}: ${name}`);
      }
    }
  });
});
