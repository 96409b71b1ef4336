import assert from "node:assert/strict";
import { test } from "node:test";
import { createSteerableClock, systemClock } from "./clock.node.ts";

const never = new AbortController().signal;

for (const [name, clock] of [
  ["systemClock", systemClock],
  ["createSteerableClock()", createSteerableClock()],
] as const) {
  test(`${name}: sleep() lasts as long as it says`, async () => {
    const fromMs = clock.monotonicMs();
    await clock.sleep(15, never);
    assert.ok(clock.monotonicMs() - fromMs >= 14);
  });

  test(`${name}: sleep() throws the signal's reason`, async () => {
    const reason = new Error("enough");
    await assert.rejects(clock.sleep(1e9, AbortSignal.abort(reason)), reason);
    const controller = new AbortController();
    const sleeping = clock.sleep(1e12, controller.signal);
    controller.abort(reason);
    await assert.rejects(sleeping, reason);
  });

  test(`${name}: sleep() of nothing ends`, async () => {
    await clock.sleep(0, never);
    await clock.sleep(-5, never);
  });
}

test("advance() wakes who is due, and brings the others nearer", async () => {
  const clock = createSteerableClock();
  const day = 86_400_000;
  const woken: string[] = [];
  const one = clock.sleep(day, never).then(() => woken.push("one"));
  const three = clock.sleep(3 * day, never).then(() => woken.push("three"));
  const fromMs = clock.nowMs();
  clock.advance(day);
  await one;
  assert.deepEqual(woken, ["one"]);
  assert.ok(clock.nowMs() - fromMs >= day);
  clock.advance(day);
  clock.advance(day);
  await three;
  assert.deepEqual(woken, ["one", "three"]);
});

test("advance() goes forward only", () => {
  const clock = createSteerableClock();
  for (const step of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => clock.advance(step), RangeError);
  }
});
