import assert from "node:assert/strict";
import { test } from "node:test";
import { Mutex } from "./mutex.ts";

test("work runs one at a time, in the order of asking, and load counts it", async () => {
  const mutex = new Mutex();
  const story: string[] = [];
  const gates = [0, 1, 2].map(() => Promise.withResolvers<void>());
  const runs = gates.map(({ promise }, index) =>
    mutex.run(async () => {
      story.push(`begin ${index}`);
      await promise;
      story.push(`end ${index}`);
      return index;
    }),
  );
  assert.equal(mutex.load, 3);
  // Opened in the wrong order: that changes nothing.
  for (const gate of gates.toReversed()) gate.resolve();
  assert.deepEqual(await Promise.all(runs), [0, 1, 2]);
  assert.deepEqual(story, ["begin 0", "end 0", "begin 1", "end 1", "begin 2", "end 2"]);
  assert.equal(mutex.load, 0);
});

test("work that fails fails alone", async () => {
  const mutex = new Mutex();
  const failing = mutex.run(() => Promise.reject(new Error("broken")));
  const after = mutex.run(async () => "done");
  await assert.rejects(failing, /broken/);
  assert.equal(await after, "done");
  const throwing = mutex.run(() => {
    throw new TypeError("at once");
  });
  await assert.rejects(throwing, TypeError);
  assert.equal(await mutex.run(async () => 7), 7);
  assert.equal(mutex.load, 0);
});

test("a failure that nobody waits for is no unhandled rejection of the next work", async () => {
  const mutex = new Mutex();
  const failing = mutex.run(() => Promise.reject(new Error("broken")));
  const ignored = failing.catch(() => "ignored");
  assert.equal(await mutex.run(async () => 1), 1);
  assert.equal(await ignored, "ignored");
});
