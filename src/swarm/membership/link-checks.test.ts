import assert from "node:assert/strict";
import { test } from "node:test";
import { personOf, withMembers } from "../../../tests/support/members.ts";
import { MemoryClock } from "../../adapters/clock-memory.ts";
import {
  ADMISSION_AGAIN_MS,
  ADMISSION_INTERVAL_MS,
  ADMISSIONS_PER_GUEST_MAX,
  CHAIN_CHECKS_PER_SECOND_MAX,
} from "../../base/limits.ts";
import { foundSwarm } from "./found.ts";
import { chainFault, signAdmission } from "./chain.ts";
import { boundedLinkChecks } from "./link-checks.ts";

const founder = personOf(0);
const state = foundSwarm(new Uint8Array(32).fill(3), founder.account);

test("links that held cost nothing again; of others only so many are looked at", async () => {
  const clock = new MemoryClock();
  const check = boundedLinkChecks(clock);
  const member = personOf(1);
  const admission = { account: member.account, peer: member.self, token: new Uint8Array(16) };
  const right = signAdmission(founder.root, state.id, { ...admission, timeMs: 1 });
  const fault = (timeMs: number): string | undefined =>
    chainFault(state.id, founder.account, [{ ...right, timeMs }], check);
  assert.equal(fault(1), undefined);
  for (let timeMs = 2; timeMs <= CHAIN_CHECKS_PER_SECOND_MAX; timeMs++) {
    assert.match(fault(timeMs) ?? "", /not signed/);
  }
  assert.throws(() => fault(0), { code: "ASKED_TOO_OFTEN" });
  assert.equal(fault(1), undefined);
  await clock.advance(1_000);
  assert.match(fault(0) ?? "", /not signed/);
});

test("a guest that asks again and again is put off, and gets in when it waits", () =>
  withMembers(async (members) => {
    const host = await members.found(0);
    const text = members.invite(host, [host]);
    const guest = personOf(1);
    for (let ask = 0; ask < ADMISSIONS_PER_GUEST_MAX; ask++) await members.join(guest, text);
    const joining = members.join(guest, text);
    let joined = false;
    void joining.then(() => (joined = true));
    await members.clock.advance(ADMISSION_AGAIN_MS / 2);
    assert.equal(joined, false);
    await members.clock.advance(ADMISSION_INTERVAL_MS);
    await members.clock.advance(ADMISSION_INTERVAL_MS);
    await joining;
  }));
