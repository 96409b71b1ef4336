import assert from "node:assert/strict";
import { test } from "node:test";
import { DAY_MS } from "../../base/id.ts";
import { MemoryClock } from "../clock-memory.ts";
import { RELAY_LIMITS } from "./limits.ts";
import { UsageBook } from "./usage.ts";

test("list() counts each direction of a pair over all its streams", () => {
  const book = new UsageBook(RELAY_LIMITS, new MemoryClock());
  const one = book.begin("a", "b");
  one(10, true);
  book.begin("b", "a")(5, true);
  book.begin("a", "b")(3, false);
  one(1, true);
  assert.deepEqual(book.list(), [
    { dialler: "b", target: "a", forthBytes: 5, backBytes: 0 },
    { dialler: "a", target: "b", forthBytes: 11, backBytes: 3 },
  ]);
});

test("begin() forgets the pair that was not served for the longest time", () => {
  const book = new UsageBook({ ...RELAY_LIMITS, usagePairsMax: 2 }, new MemoryClock());
  for (const target of ["b", "c", "b", "d"]) book.begin("a", target);
  assert.deepEqual(
    book.list().map(({ target }) => target),
    ["b", "d"],
  );
});

test("a day's bytes are counted over all pairs, and anew on the next day", async () => {
  const clock = new MemoryClock();
  const book = new UsageBook({ ...RELAY_LIMITS, bytesPerDayMax: 100 }, clock);
  assert.equal(book.begin("a", "b")(60, true), true);
  assert.equal(book.begin("c", "d")(60, true), true, "the piece that reaches the bound goes");
  assert.equal(book.isSpent, true);
  assert.equal(book.begin("a", "b")(1, true), false);
  await clock.advance(DAY_MS);
  assert.equal(book.isSpent, false);
  assert.equal(book.begin("a", "b")(1, true), true);
});
