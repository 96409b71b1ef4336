import assert from "node:assert/strict";
import { test } from "node:test";
import { ArenaPool } from "./arena-pool.ts";

test("lend() gives the arena that came back, and never one that is lent", () => {
  const pool = new ArenaPool(1);
  const first = pool.lend();
  const second = pool.lend();
  assert.notEqual(first.memory, second.memory);
  pool.giveBack(first);
  assert.equal(pool.lend(), first);
});

test("tick() lets go of what nobody has used for long enough, and says so once", () => {
  let drops = 0;
  const pool = new ArenaPool(1, () => drops++);
  const arena = pool.lend();
  pool.tick(1);
  pool.giveBack(arena);
  pool.tick(2);
  assert.equal(drops, 0);
  pool.tick(2);
  pool.tick(2);
  assert.equal(drops, 1);
  assert.notEqual(pool.lend(), arena);
});
