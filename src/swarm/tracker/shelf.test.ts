import assert from "node:assert/strict";
import { test } from "node:test";
import { hashNamed, MemoryInventory } from "../../../tests/support/tracker-scene.ts";
import { MemoryClock } from "../../adapters/clock-memory.ts";
import { filterWords } from "./filter.ts";
import { Shelf } from "./shelf.ts";

interface Heard {
  added: number;
  replaced: number;
}

async function withShelf(
  inventory: MemoryInventory,
  work: (shelf: Shelf, clock: MemoryClock, heard: Heard) => Promise<void>,
): Promise<void> {
  const clock = new MemoryClock();
  const shelf = new Shelf(inventory, clock);
  const heard = { added: 0, replaced: 0 };
  shelf.listen({
    added: (ids) => void (heard.added += ids.length),
    replaced: () => void heard.replaced++,
  });
  const stop = new AbortController();
  const running = shelf.run(stop.signal).catch(() => undefined);
  try {
    await clock.advance(1_000);
    await work(shelf, clock, heard);
  } finally {
    stop.abort();
    await running;
  }
}

const has = (shelf: Shelf, name: string): boolean =>
  shelf.filter?.mayHold(filterWords(hashNamed(name))) === true;

test("the filter is made at once, and nothing new is nothing to say", () =>
  withShelf(new MemoryInventory(["a"]), async (shelf, clock, heard) => {
    assert.ok(has(shelf, "a") && !has(shelf, "b"));
    await clock.advance(60_000);
    assert.deepEqual(heard, { added: 0, replaced: 1 });
  }));

test("single shards are added; a flood of them makes one new filter", () => {
  const inventory = new MemoryInventory(["a"]);
  return withShelf(inventory, async (shelf, clock, heard) => {
    inventory.add("b", "c");
    await clock.advance(2_000);
    assert.deepEqual(heard, { added: 2, replaced: 1 });
    assert.ok(has(shelf, "b"));
    inventory.add(...Array.from({ length: 5_000 }, (_, i) => `n ${i}`));
    await clock.advance(20_000);
    assert.equal(heard.replaced, 2);
    assert.equal(shelf.filter?.count, 5_003);
    assert.ok(has(shelf, "n 4999"));
    inventory.remove("b");
    await clock.advance(20_000);
    assert.equal(heard.replaced, 3);
    assert.equal(shelf.filter?.count, 5_002);
    assert.ok(has(shelf, "c"));
  });
});
