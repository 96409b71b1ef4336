import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryClock } from "./clock-memory.ts";

const live = new AbortController().signal;

test("sleepers wake in the order of their times, and what they begin counts from then", async () => {
  const clock = new MemoryClock(1000);
  const story: string[] = [];
  const sleep = async (name: string, durationMs: number): Promise<void> => {
    await clock.sleep(durationMs, live);
    story.push(`${name} at ${clock.nowMs()}`);
  };
  const all = [sleep("late", 30), sleep("early", 10).then(() => sleep("again", 10))];
  await clock.advance(9);
  assert.deepEqual(story, []);
  await clock.advance(100);
  await Promise.all(all);
  assert.deepEqual(story, ["early at 1010", "again at 1020", "late at 1030"]);
  assert.equal(clock.monotonicMs(), 109);
  assert.equal(clock.sleeping, 0);
});

test("an aborted sleep ends with the signal's reason and is forgotten", async () => {
  const clock = new MemoryClock();
  const abort = new AbortController();
  const sleeping = clock.sleep(10, abort.signal);
  abort.abort(new Error("enough"));
  await assert.rejects(sleeping, /enough/);
  assert.equal(clock.sleeping, 0);
  await assert.rejects(clock.sleep(1, abort.signal), /enough/);
});
