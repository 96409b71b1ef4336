import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { HOLDER, OWNER, random, SWARM_KEY } from "../../../tests/support/tls-pair.ts";
import { MemoryClock } from "../clock-memory.ts";
import { createKnocker, createKnockGuard, KNOCK_BYTES, KNOCK_WINDOW_MS } from "./knock.ts";

test("a knock is let in once, by the peer that it is for", () => {
  const clock = new MemoryClock();
  const knock = createKnocker(SWARM_KEY, clock, random)(HOLDER.publicKey);
  assert.equal(knock.length, KNOCK_BYTES);
  const isKnock = createKnockGuard(SWARM_KEY, HOLDER.publicKey, clock);
  const elsewhere = createKnockGuard(SWARM_KEY, OWNER.publicKey, clock);
  assert.deepEqual([elsewhere(knock), isKnock(knock), isKnock(knock)], [false, true, false]);
});

test("a knock is made as docs/protocol.md shows it", () => {
  const clock = new MemoryClock(1_800_000_000_000);
  const counting = { bytes: (count: number) => Uint8Array.from({ length: count }, (_, i) => i) };
  const knock = createKnocker(SWARM_KEY, clock, counting)(HOLDER.publicKey);
  const page = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf8");
  const [, ...parts] = /^knock +([0-9a-f]{32}) ([0-9a-f]{16}) ([0-9a-f]{32})$/m.exec(page) ?? [];
  assert.equal(Buffer.from(knock).toString("hex"), parts.join(""));
});

test("every flipped bit is refused, and is not remembered against the right one", () => {
  const clock = new MemoryClock();
  const knock = createKnocker(SWARM_KEY, clock, random)(HOLDER.publicKey);
  const isKnock = createKnockGuard(SWARM_KEY, HOLDER.publicKey, clock);
  for (let bit = 0; bit < KNOCK_BYTES * 8; bit++) {
    const flipped = knock.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(isKnock(flipped), false, `bit ${bit}`);
  }
  for (const length of [0, KNOCK_BYTES - 1])
    assert.equal(isKnock(knock.subarray(0, length)), false);
  assert.equal(isKnock(knock), true);
});

test("the window is 36 hours both ways", async () => {
  const early = new MemoryClock();
  const late = new MemoryClock();
  await late.advance(KNOCK_WINDOW_MS);
  const old = createKnocker(SWARM_KEY, early, random);
  const young = createKnocker(SWARM_KEY, late, random);
  const atLate = createKnockGuard(SWARM_KEY, HOLDER.publicKey, late);
  const atEarly = createKnockGuard(SWARM_KEY, HOLDER.publicKey, early);
  assert.equal(atLate(old(HOLDER.publicKey)), true);
  assert.equal(atEarly(young(HOLDER.publicKey)), true);
  await late.advance(1);
  assert.equal(atLate(old(HOLDER.publicKey)), false);
  assert.equal(atEarly(young(HOLDER.publicKey)), false);
});
