import assert from "node:assert/strict";
import { test } from "node:test";
import { createArena } from "../../kernels/arena.ts";
import { loadKernels } from "../../kernels/load.node.ts";
import { READ_ARENA_BYTES, SharedMemory } from "./memory.ts";

/** Counts arenas that are lent, and those that came back. */
function counted() {
  const counts = { lent: 0, back: 0 };
  const memory = new SharedMemory(async () => {
    counts.lent++;
    const arena = createArena(READ_ARENA_BYTES);
    return { arena, kernels: await loadKernels(arena), giveBack: () => void counts.back++ };
  });
  return { counts, memory };
}

test("use() lends one arena to all who read at once and gives it back after the last", async () => {
  const { counts, memory } = counted();
  const held = Promise.withResolvers<void>();
  const first = memory.use(async ({ arena }) => {
    await held.promise;
    return arena;
  });
  const second = await memory.use(async ({ arena }) => arena);
  assert.deepEqual(counts, { lent: 1, back: 0 });
  held.resolve();
  assert.equal(await first, second);
  assert.deepEqual(counts, { lent: 1, back: 1 });
});

test("hold() keeps the arena from others until work that goes on has ended", async () => {
  const { counts, memory } = counted();
  const repair = Promise.withResolvers<void>();
  await memory.use(async (lent) => lent.hold(repair.promise));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(counts, { lent: 1, back: 0 });
  repair.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(counts, { lent: 1, back: 1 });
});

test("use() gives the arena back when its work fails, and a new one after one that did not open", async () => {
  const { counts, memory } = counted();
  await assert.rejects(
    memory.use(async () => {
      throw new Error("failed");
    }),
    /failed/u,
  );
  assert.deepEqual(counts, { lent: 1, back: 1 });
  let opens = 0;
  const broken = new SharedMemory(async () => {
    opens++;
    throw new Error("no memory");
  });
  for (const _ of [1, 2])
    await assert.rejects(
      broken.use(async () => 1),
      /no memory/u,
    );
  assert.equal(opens, 2);
});
