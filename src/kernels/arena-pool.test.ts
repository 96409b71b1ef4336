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

test("drop() lets go of what nobody uses, and says so once", () => {
  let drops = 0;
  const pool = new ArenaPool(1, () => drops++);
  const arena = pool.lend();
  pool.drop();
  assert.equal(drops, 0);
  pool.giveBack(arena);
  pool.drop();
  pool.drop();
  assert.equal(drops, 1);
  assert.notEqual(pool.lend(), arena);
});
