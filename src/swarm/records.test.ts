import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { recordOf } from "../../tests/support/swarm-peer.ts";
import { keyOf } from "../../tests/support/tls-pair.ts";
import { MemoryClock } from "../adapters/clock-memory.ts";
import { openDatabase } from "../adapters/database.node.ts";
import { DAY_MS, epochOf } from "../base/id.ts";
import { encodeRecord, type RecordEntry } from "../codec/record.ts";
import { hash } from "../crypto/hash.node.ts";
import { signingKeyOf } from "../crypto/sign.node.ts";
import { SwarmError } from "./error.ts";
import { openRecordStore, type RecordStore } from "./records.ts";

const KEY = keyOf(50);
const manyKeys = (seed: number) => signingKeyOf(hash(Uint8Array.of(seed & 255, seed >> 8)));

async function withStore(
  work: (store: RecordStore, today: number, clock: MemoryClock) => void | Promise<void>,
): Promise<void> {
  const clock = new MemoryClock();
  const database = openDatabase(":memory:");
  try {
    await work(openRecordStore(database, clock), epochOf(clock.nowMs()), clock);
  } finally {
    database.close();
  }
}

function put(store: RecordStore, record: RecordEntry, source = "peer"): string {
  return store.put(source, record.key, encodeRecord(record)).outcome;
}

describe("put()", () => {
  test("takes higher numbers, never lower ones, up to 2^64-1", () =>
    withStore((store, today) => {
      const last = 2n ** 64n - 1n;
      const numbers = [0n, 1n, 2n ** 53n + 1n, 2n ** 63n, last];
      for (const number of numbers) {
        assert.equal(put(store, recordOf(KEY, number, "x", today + 1)), "kept");
      }
      for (const number of numbers.slice(0, -1)) {
        assert.equal(put(store, recordOf(KEY, number, "x", today + 1)), "newer");
      }
      const { key } = recordOf(KEY, 0n, "", today);
      assert.equal(store.get(key).length, 1);
      assert.equal(store.usage().records, 1);
    }));

  test("takes the same record again and again", () =>
    withStore((store, today) => {
      const record = recordOf(KEY, 3n, "x", today + 1);
      for (let count = 0; count < 3; count++) assert.equal(put(store, record), "kept");
      assert.equal(store.usage().records, 1);
    }));

  test("keeps two values of one number as evidence, not three, until a higher one comes", () =>
    withStore((store, today) => {
      const [a, b, c] = ["a", "b", "c"].map((text) => recordOf(KEY, 3n, text, today + 1));
      assert.ok(a !== undefined && b !== undefined && c !== undefined);
      assert.equal(put(store, a), "kept");
      assert.equal(put(store, b), "forked");
      assert.equal(put(store, c), "forked");
      assert.equal(put(store, a), "forked");
      assert.equal(store.get(a.key).length, 2);
      assert.equal(put(store, recordOf(KEY, 4n, "d", today + 1)), "kept");
      assert.equal(store.get(a.key).length, 1);
    }));

  test("refuses what the key did not sign, and another key's record", () =>
    withStore((store, today) => {
      const record = recordOf(KEY, 1n, "x", today + 1);
      const forged = { ...record, number: 2n };
      assert.throws(() => put(store, forged), { code: "RECORD_FORGED" });
      const other = recordOf(keyOf(51), 1n, "x", today + 1);
      assert.throws(() => store.put("peer", record.key, encodeRecord(other)), {
        code: "RECORD_FORGED",
      });
      assert.equal(store.usage().records, 0);
    }));

  test("refuses expired and far-future records", () =>
    withStore((store, today) => {
      for (const expires of [0, today - 1, today + 801, 2 ** 32 - 1]) {
        const record = recordOf(KEY, 1n, "x", expires);
        assert.throws(() => put(store, record), { code: "RECORD_REFUSED" });
      }
      assert.equal(put(store, recordOf(KEY, 1n, "x", today + 400)), "kept");
    }));

  test("bounds count and bytes of one source, and gives expired room back", () =>
    withStore(async (store, today, clock) => {
      const big = "x".repeat(64 * 1024);
      let stored = 0;
      assert.throws(
        () => {
          for (let seed = 0; seed < 300; seed++) {
            put(store, recordOf(manyKeys(seed), 1n, big, today + 1), "greedy");
            stored++;
          }
        },
        (error) => error instanceof SwarmError && error.code === "RECORD_SPACE_FULL",
      );
      assert.ok(stored > 200 && stored <= 256, `${stored} of 64 KiB in 16 MiB`);
      assert.equal(put(store, recordOf(KEY, 10_000n, "y", today + 9), "modest"), "kept");
      await clock.advance(3 * DAY_MS);
      assert.equal(put(store, recordOf(keyOf(252), 1n, big, today + 9), "greedy"), "kept");
      assert.ok(store.usage().records < 10);
    }));
});

test("a full source can still replace its own records", () =>
  withStore((store, today) => {
    const big = "x".repeat(64 * 1024);
    for (let seed = 0; seed < 250; seed++) {
      put(store, recordOf(keyOf(seed), 1n, big, today + 1), "full");
    }
    assert.equal(put(store, recordOf(keyOf(0), 2n, big, today + 1), "full"), "kept");
  }));
