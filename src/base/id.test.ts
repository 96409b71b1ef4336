import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { DAY_MS, epochOf, idBytes, idOf, parseId } from "./id.ts";

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe("id", () => {
  test("32 bytes are 52 characters and come back", () => {
    fc.assert(
      fc.property(bytes32, (bytes) => {
        const id = idOf(bytes);
        assert.equal(id.length, 52);
        assert.deepEqual(parseId(id), bytes);
        assert.deepEqual(idBytes(id), bytes);
      }),
    );
  });

  test("parseId() answers undefined to what is no id", () => {
    const id = idOf(new Uint8Array(32).fill(200));
    for (const bad of [
      "",
      id.slice(1),
      `${id}a`,
      id.toUpperCase(),
      `${id.slice(0, 51)}b`,
      ` ${id}`,
    ]) {
      assert.equal(parseId(bad), undefined, bad);
    }
  });

  test("idOf() and idBytes() state their invariant", () => {
    assert.throws(() => idOf(new Uint8Array(31)), { name: "InvariantError" });
    assert.throws(() => idBytes("nonsense"), { name: "InvariantError" });
  });

  test("an epoch is one day of UTC", () => {
    assert.equal(epochOf(0), 0);
    assert.equal(epochOf(DAY_MS - 1), 0);
    assert.equal(epochOf(DAY_MS), 1);
    assert.equal(epochOf(Date.UTC(2026, 0, 1)), 20_454);
  });
});
