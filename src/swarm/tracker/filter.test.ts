import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { idOf } from "../../base/id.ts";
import { AGENT_FILTER_MAX_BYTES } from "../../base/limits.ts";
import {
  capacityOf,
  FILTER_MIN_BYTES,
  filterBytesFor,
  filterWords,
  isFilterSize,
  ShardFilter,
} from "./filter.ts";

/** The id of a thing that is a hash, as shards' ids are. */
const idNamed = (name: string): string => idOf(createHash("sha256").update(name).digest());

test("a filter knows all that went in, and its mistakes are as rare as theory says", () => {
  for (const [count, bytes] of [
    [51, 64],
    [26_214, 32_768],
    [13_200, 32_768],
  ] as const) {
    assert.ok(count <= capacityOf(bytes));
    const filter = new ShardFilter(new Uint8Array(bytes));
    for (let i = 0; i < count; i++) filter.add(idNamed(`in ${i}`));
    assert.equal(filter.count, count);
    for (let i = 0; i < count; i += 7) assert.ok(filter.mayHold(filterWords(idNamed(`in ${i}`))));
    const asked = 60_000;
    let wrong = 0;
    for (let i = 0; i < asked; i++) if (filter.mayHold(filterWords(idNamed(`out ${i}`)))) wrong++;
    const theory = (1 - Math.exp(-7 / ((bytes * 8) / count))) ** 7;
    // Five times the deviation of a binomial; the small filter's own bits vary too.
    const slack = 5 * Math.sqrt(theory / asked) + (count < 100 ? 0.02 : 0.1 * theory);
    const text = `${count} in ${bytes} bytes: ${wrong / asked}, theory ${theory}`;
    assert.ok(Math.abs(wrong / asked - theory) <= slack, text);
    assert.equal(filter.isImplausible, false);
  }
});

test("sizes are powers of two that have room, up to the largest", () => {
  assert.equal(filterBytesFor(0), FILTER_MIN_BYTES);
  for (const shards of [51, 52, 1_000, 100_000, capacityOf(AGENT_FILTER_MAX_BYTES)]) {
    const bytes = filterBytesFor(shards);
    assert.ok(isFilterSize(bytes) && capacityOf(bytes) >= shards, `${shards}`);
    assert.ok(bytes === FILTER_MIN_BYTES || capacityOf(bytes / 2) < shards, `${shards}`);
  }
  assert.equal(filterBytesFor(10 ** 9), AGENT_FILTER_MAX_BYTES);
  for (const wrong of [0, -64, 32, 63, 65, 96, 1.5, Number.NaN, 2 * AGENT_FILTER_MAX_BYTES]) {
    assert.equal(isFilterSize(wrong), false, `${wrong}`);
    if (wrong > 0 && wrong % 1 === 0)
      assert.throws(() => new ShardFilter(new Uint8Array(wrong)), RangeError);
  }
});

test("a full filter says so, and one that claims everything is implausible", () => {
  const filter = new ShardFilter(new Uint8Array(64));
  while (!filter.isFull) filter.add(idNamed(`${filter.count}`));
  assert.equal(filter.count, capacityOf(64));
  assert.equal(filter.isImplausible, false);
  assert.equal(new ShardFilter(new Uint8Array(64).fill(0xff)).isImplausible, true);
  assert.equal(new ShardFilter(new Uint8Array(1024).fill(0x6f)).isImplausible, true);
});
