import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { HOLDER, OWNER, random, SWARM_KEY } from "../../../tests/support/tls-pair.ts";
import { lobbyKeyOf } from "../../crypto/swarm-key.ts";
import { fixedSwarmKeys, type NetworkKey } from "../../ports/swarm-keys.ts";
import { MemoryClock } from "../clock-memory.ts";
import { createKnocker, createKnockGuard, KNOCK_BYTES, KNOCK_WINDOW_MS } from "./knock.ts";

const KEYS = fixedSwarmKeys(SWARM_KEY);

test("a knock is let in once, by the peer that it is for", () => {
  const clock = new MemoryClock();
  const knock = createKnocker(KEYS, clock, random)(HOLDER.publicKey);
  assert.equal(knock.length, KNOCK_BYTES);
  const isKnock = createKnockGuard(KEYS, HOLDER.publicKey, clock);
  const elsewhere = createKnockGuard(KEYS, OWNER.publicKey, clock);
  assert.deepEqual(
    [elsewhere(knock), isKnock(knock), isKnock(knock)],
    [undefined, "member", undefined],
  );
});

test("a knock is made as docs/protocol.md shows it", () => {
  const clock = new MemoryClock(1_800_000_000_000);
  const counting = { bytes: (count: number) => Uint8Array.from({ length: count }, (_, i) => i) };
  const knock = createKnocker(KEYS, clock, counting)(HOLDER.publicKey);
  const page = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf8");
  const [, ...parts] = /^knock +([0-9a-f]{32}) ([0-9a-f]{16}) ([0-9a-f]{32})$/m.exec(page) ?? [];
  assert.equal(Buffer.from(knock).toString("hex"), parts.join(""));
});

test("every flipped bit is refused, and is not remembered against the right one", () => {
  const clock = new MemoryClock();
  const knock = createKnocker(KEYS, clock, random)(HOLDER.publicKey);
  const isKnock = createKnockGuard(KEYS, HOLDER.publicKey, clock);
  for (let bit = 0; bit < KNOCK_BYTES * 8; bit++) {
    const flipped = knock.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(isKnock(flipped), undefined, `bit ${bit}`);
  }
  for (const length of [0, KNOCK_BYTES - 1])
    assert.equal(isKnock(knock.subarray(0, length)), undefined);
  assert.equal(isKnock(knock), "member");
});

test("the window is 36 hours both ways", async () => {
  const early = new MemoryClock();
  const late = new MemoryClock();
  await late.advance(KNOCK_WINDOW_MS);
  const old = createKnocker(KEYS, early, random);
  const young = createKnocker(KEYS, late, random);
  const atLate = createKnockGuard(KEYS, HOLDER.publicKey, late);
  const atEarly = createKnockGuard(KEYS, HOLDER.publicKey, early);
  assert.equal(atLate(old(HOLDER.publicKey)), "member");
  assert.equal(atEarly(young(HOLDER.publicKey)), "member");
  await late.advance(1);
  assert.equal(atLate(old(HOLDER.publicKey)), undefined);
  assert.equal(atEarly(young(HOLDER.publicKey)), undefined);
});

test("what was knocked with says who stands there, also after the keys have changed", () => {
  const clock = new MemoryClock();
  const [first, second] = [1, 2].map((number) => ({
    number,
    key: new Uint8Array(32).fill(number),
  }));
  let [now, before]: (NetworkKey | undefined)[] = [first, undefined];
  const listeners: (() => void)[] = [];
  const guard = createKnockGuard(
    {
      current: () => now ?? KEYS.current(),
      previous: () => before,
      onChange: (listener) => {
        listeners.push(listener);
        return () => undefined;
      },
    },
    HOLDER.publicKey,
    clock,
  );
  const standing = (key: Uint8Array): unknown =>
    guard(createKnocker(fixedSwarmKeys(key), clock, random)(HOLDER.publicKey));
  const keys = [first, second].map((each) => each?.key ?? new Uint8Array(32));
  const all = [...keys, ...keys.map(lobbyKeyOf)];
  assert.deepEqual(all.map(standing), ["member", undefined, "guest", undefined]);
  [now, before] = [second, first];
  for (const listener of listeners) listener();
  assert.deepEqual(all.map(standing), ["former", "member", "guest", "guest"]);
  before = undefined;
  assert.deepEqual(all.map(standing), [undefined, "member", undefined, "guest"]);
});
