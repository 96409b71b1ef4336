// A relay that is switched off while it carries something.
import assert from "node:assert/strict";
import { test } from "node:test";
import { until, writeRandom } from "../e2e/harness.ts";
import { found, invite, joinSwarm, untilReached } from "./cell.ts";
import { whyNoLab } from "./lab.ts";
import { MEET_MAX_MS, assertThere, untilMet, within } from "./within.ts";

const LARGE_BYTES = 256 * 2 ** 20;
const limits = { skip: whyNoLab(), timeout: 240_000 };

test("what a relay stops carrying goes on over another, not from the beginning", limits, (t) => {
  const hosts = { pub1: "open", pub2: "open", homeA: "sym", homeB: "sym" } as const;
  return within(hosts, async (lab) => {
    const [founder, other] = [lab.host("pub1"), lab.host("pub2")];
    const [owner, holder] = [lab.host("homeA"), lab.host("homeB")];
    await found(founder);
    const invitation = await invite(founder, "--uses", "3");
    const address = `${other.address}:4470`;
    await joinSwarm(other, invitation, { port: 4470, public_address: address, file_storage: 0 });
    await joinSwarm(holder, invitation, { file_storage: "2 GiB" });
    await joinSwarm(owner, invitation, { file_storage: 0, code: "1/1" });
    await untilMet(owner, [other]);
    await untilMet(holder, [other]);
    await untilReached(owner, holder, "relayed");
    const relays = [founder, other];
    const carried = (): number[] => relays.map(({ name }) => lab.carriedBytes(name));
    const before = carried();
    const moved = (): number[] => carried().map((bytes, at) => bytes - (before[at] ?? 0));
    writeRandom(lab.path("large"), LARGE_BYTES);
    const put = owner.run("put", lab.path("large"), "/large");
    // In the middle: a relay counts every byte twice.
    const isUnderWay = (): boolean => moved().some((bytes) => bytes > LARGE_BYTES);
    await until("half of it is through", isUnderWay, MEET_MAX_MS);
    const [first = 0, second = 0] = moved();
    const [stopping, going] = first > second ? [founder, other] : [other, founder];
    await stopping.kill();
    const { status, stderr } = await put;
    assert.equal(status, 0, stderr);
    const more = moved()[relays.indexOf(going)] ?? 0;
    t.diagnostic(`${first} and ${second} bytes before, ${more} bytes after`);
    assert.ok(more < 1.7 * LARGE_BYTES, `${more} bytes went over the second relay`);
    await assertThere(lab, owner, "large");
  });
});
