import assert from "node:assert/strict";
import { test } from "node:test";
import { mapBounded } from "./concurrency.ts";

test("mapBounded() keeps the order and the limit", async () => {
  let running = 0;
  let most = 0;
  const results = await mapBounded([3, 1, 2, 0, 5], 2, async (item) => {
    most = Math.max(most, ++running);
    for (let turn = 0; turn < item; turn++) await Promise.resolve();
    running--;
    return item * 10;
  });
  assert.deepEqual(results, [30, 10, 20, 0, 50]);
  assert.equal(most, 2);
  assert.deepEqual(await mapBounded([], 3, async () => 1), []);
});

test("mapBounded() throws the first failure after what was begun has ended", async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const failure = new Error("two");
  const mapped = mapBounded([1, 2, 3, 4, 5, 6], 2, async (item) => {
    begun.push(item);
    await Promise.resolve();
    if (item === 2) throw failure;
    await Promise.resolve();
    ended.push(item);
  });
  await assert.rejects(mapped, failure);
  assert.deepEqual(begun.length - 1, ended.length);
  assert.ok(begun.length < 6);
});
