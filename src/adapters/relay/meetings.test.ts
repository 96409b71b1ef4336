import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import { test } from "node:test";
import { MemoryClock } from "../clock-memory.ts";
import { Meetings } from "./meetings.ts";

const TAKE_MS = 1_000;
const open = (): { clock: MemoryClock; meetings: Meetings } => {
  const clock = new MemoryClock();
  return { clock, meetings: new Meetings(clock, TAKE_MS) };
};
const invalid = { code: "RELAY_TOKEN_INVALID" };

test("take() takes a token once, even before the first connection is there", async () => {
  const { clock, meetings } = open();
  const met = meetings.arrange("token", "home", () => assert.fail("lost"));
  assert.throws(() => meetings.take("token", "other"), invalid);
  const come = meetings.take("token", "home");
  assert.throws(() => meetings.take("token", "home"), invalid);
  const [leg] = duplexPair();
  come(leg);
  const [dialler] = duplexPair();
  assert.equal((await met)(dialler), leg);
  await clock.advance(TAKE_MS * 2);
  assert.equal(leg.destroyed, false);
  assert.equal(clock.sleeping, 0);
});

test("a connection that comes after its dialler was told is closed", async () => {
  const { clock, meetings } = open();
  const met = meetings.arrange("token", "home", () => assert.fail("lost"));
  const come = meetings.take("token", "home");
  const away = assert.rejects(met, { code: "RELAY_TARGET_AWAY" });
  await clock.advance(TAKE_MS);
  await away;
  const [leg] = duplexPair();
  come(leg);
  assert.equal(leg.destroyed, true);
});

test("a connection whose dialler does not come, or is gone, is closed", async () => {
  const { clock, meetings } = open();
  let lostCount = 0;
  const arrange = async () => {
    const met = meetings.arrange("token", "home", () => lostCount++);
    const [leg] = duplexPair();
    meetings.take("token", "home")(leg);
    return { leg, hand: await met };
  };
  const unclaimed = await arrange();
  await clock.advance(TAKE_MS);
  assert.equal(unclaimed.leg.destroyed, true);
  assert.equal(lostCount, 1);
  const [tooLate] = duplexPair();
  assert.equal(unclaimed.hand(tooLate), undefined);
  assert.equal(tooLate.destroyed, true);

  const gone = await arrange();
  const [dialler] = duplexPair();
  dialler.destroy();
  assert.equal(gone.hand(dialler), undefined);
  assert.equal(gone.leg.destroyed, true);
  assert.equal(lostCount, 2);

  const cut = await arrange();
  meetings.close();
  await clock.advance(1);
  assert.equal(cut.leg.destroyed, true);
  assert.equal(lostCount, 3);
});
