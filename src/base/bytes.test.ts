import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { compareBytes, concatBytes, equalBytes, fromUtf8, utf8 } from "./bytes.ts";

const bytes = fc.uint8Array({ maxLength: 6, max: 3 });

describe("bytes", () => {
  test("concatBytes() joins in order and copies", () => {
    const a = new Uint8Array([1, 2]);
    const whole = concatBytes(a, new Uint8Array(0), new Uint8Array([3]));
    a[0] = 9;
    assert.deepEqual(whole, new Uint8Array([1, 2, 3]));
    assert.deepEqual(concatBytes(), new Uint8Array(0));
  });

  test("compareBytes() orders as Buffer.compare does, and 0 means equalBytes()", () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        assert.equal(compareBytes(a, b), Buffer.compare(a, b));
        assert.equal(compareBytes(a, b) === 0, equalBytes(a, b));
      }),
      { numRuns: 1000 },
    );
  });

  test("texts come back, byte-order mark and all", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        assert.equal(fromUtf8(utf8(text)), text);
      }),
    );
    assert.equal(fromUtf8(utf8("\u{feff}a")), "\u{feff}a");
  });

  test("fromUtf8() answers undefined to bytes that are no utf-8", () => {
    for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf5, 0, 0, 0]]) {
      assert.equal(fromUtf8(new Uint8Array(bad)), undefined);
    }
  });
});
