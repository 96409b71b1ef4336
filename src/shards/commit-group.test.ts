import assert from "node:assert/strict";
import { test } from "node:test";
import { StandingClock } from "../../tests/contracts/holder-fixture.ts";
import { CommitGroup } from "./commit-group.ts";

/** A group over transactions that are counted. */
function groupOf(commitMs = 0): {
  group: CommitGroup;
  clock: StandingClock;
  sizes: number[];
  done: number[];
} {
  const clock = new StandingClock();
  const sizes: number[] = [];
  const done: number[] = [];
  let size = 0;
  const group = new CommitGroup((work) => {
    const before = done.length;
    size = 0;
    try {
      work();
    } catch (error) {
      done.length = before;
      throw error;
    } finally {
      size = done.length - before;
    }
    sizes.push(size);
    clock.timeMs += commitMs;
  }, clock);
  return { group, clock, sizes, done };
}

test("commit() of one that is alone does not wait", async () => {
  const { group, clock, sizes, done } = groupOf();
  group.enter();
  await group.commit(() => void done.push(1));
  group.leave();
  assert.deepEqual([sizes, clock.slept], [[1], 0]);
});

test("commit() takes all together as soon as the last of them has come", async () => {
  const { group, sizes, done } = groupOf();
  const numbers = [1, 2, 3, 4, 5];
  for (const _ of numbers) group.enter();
  await Promise.all(numbers.map((n) => group.commit(() => void done.push(n))));
  assert.deepEqual([sizes, done], [[5], numbers]);
});

test("commit() waits a bounded time for those that do not come", async () => {
  const { group, clock, sizes, done } = groupOf();
  for (const _ of [1, 2, 3]) group.enter();
  await Promise.all([1, 2].map((n) => group.commit(() => void done.push(n))));
  assert.deepEqual([sizes, clock.slept], [[2], 1]);
});

test("leave() of the last one that is waited for ends the waiting", async () => {
  const { group, sizes, done } = groupOf();
  group.enter();
  group.enter();
  const committed = group.commit(() => void done.push(1));
  group.leave();
  assert.deepEqual(sizes, [1]);
  await committed;
});

test("commit() fails for the one whose work fails, and for no other", async () => {
  const { group, done } = groupOf();
  const boom = new Error("boom");
  for (const _ of [1, 2, 3]) group.enter();
  const results = await Promise.allSettled(
    [1, 2, 3].map((n) =>
      group.commit(() => {
        if (n === 2) throw boom;
        done.push(n);
      }),
    ),
  );
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  assert.deepEqual(done, [1, 3]);
});

test("commit() on a slow disk waits for those that come one by one", async () => {
  const { group, clock, sizes, done } = groupOf(5);
  const one = async (n: number): Promise<void> => {
    group.enter();
    await group.commit(() => void done.push(n));
    group.leave();
  };
  // Each is over before the next enters, as small uploads are; after some it is tried to wait.
  for (let n = 0; n < 7; n++) await one(n);
  assert.deepEqual([sizes, clock.slept], [[1, 1, 1, 1, 1, 1, 1], 0]);
  await Promise.all([7, 8, 9].map(one));
  assert.equal(sizes.at(-1), 3);
  await Promise.all([10, 11, 12, 13].map(one));
  assert.deepEqual([sizes.slice(7), clock.slept], [[3, 4], 2]);
  // Nobody else comes any more: one waits once, the next ones do not.
  for (let n = 14; n < 20; n++) await one(n);
  assert.equal(clock.slept, 3);
});
