import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { fromHex, toHex } from "../../tests/vectors/read.ts";
import { CBOR_DEPTH_MAX, CBOR_ITEMS_MAX } from "../base/limits.ts";
import {
  decodeCbor,
  decodeVersioned,
  encodeCbor,
  readArray,
  readBytes,
  readMap,
  readText,
  readU64,
  readUint,
} from "./cbor.ts";
import { CodecError } from "./error.ts";

const MAX = 10_000_000;
const malformed = { name: "CodecError", code: "FORMAT_MALFORMED" };
const map = (...entries: [string, unknown][]): Map<string, unknown> => new Map(entries);

/** RFC 8949, appendix A: what belongs to our dialect. */
const PUBLISHED: readonly [hex: string, value: unknown][] = [
  ["00", 0],
  ["01", 1],
  ["0a", 10],
  ["17", 23],
  ["1818", 24],
  ["1819", 25],
  ["1864", 100],
  ["1903e8", 1000],
  ["1a000f4240", 1_000_000],
  ["1b000000e8d4a51000", 1_000_000_000_000],
  ["1bffffffffffffffff", 18_446_744_073_709_551_615n],
  ["3bffffffffffffffff", -18_446_744_073_709_551_616n],
  ["20", -1],
  ["29", -10],
  ["3863", -100],
  ["3903e7", -1000],
  ["f4", false],
  ["f5", true],
  ["f6", null],
  ["40", new Uint8Array(0)],
  ["4401020304", new Uint8Array([1, 2, 3, 4])],
  ["60", ""],
  ["6161", "a"],
  ["6449455446", "IETF"],
  ["62225c", '"\\'],
  ["62c3bc", "ü"],
  ["63e6b0b4", "水"],
  ["64f0908591", "\u{10151}"],
  ["80", []],
  ["83010203", [1, 2, 3]],
  ["8301820203820405", [1, [2, 3], [4, 5]]],
  ["a0", map()],
  ["a26161016162820203", map(["a", 1], ["b", [2, 3]])],
  ["826161a161626163", ["a", map(["b", "c"])]],
];

/** What well-formed CBOR, and what is none, must be refused. */
const REFUSED: readonly [what: string, hex: string][] = [
  ["nothing", ""],
  ["a byte behind the end", "0000"],
  ["24 in two bytes of argument", "190018"],
  ["23 in one byte of argument", "1817"],
  ["255 in two bytes of argument", "1900ff"],
  ["65535 in four bytes of argument", "1a0000ffff"],
  ["2^32-1 in eight bytes of argument", "1b00000000ffffffff"],
  ["a length that is longer than it needs to be", "580161"],
  ["reserved argument 28", "1c"],
  ["a cut argument", "19"],
  ["a cut byte string", "420a"],
  ["a byte string of 4 GiB", "5affffffff"],
  ["a byte string of 2^64-1 bytes", "5bffffffffffffffff"],
  ["an array of 4 Gi elements", "9affffffff"],
  ["an array of 2^64-1 elements", "9bffffffffffffffff"],
  ["a map of 4 Gi entries", "baffffffff"],
  ["a map of 2^63 entries", "bb8000000000000000"],
  ["a cut array", "8201"],
  ["a cut map", "a16161"],
  ["a byte string of indefinite length", "5f42010243030405ff"],
  ["a text of indefinite length", "7f657374726561646d696e67ff"],
  ["an array of indefinite length", "9fff"],
  ["a map of indefinite length", "bf61610161629f0203ffff"],
  ["a break alone", "ff"],
  ["a half float", "f93c00"],
  ["a float", "fa47c35000"],
  ["a double", "fb3ff199999999999a"],
  ["undefined", "f7"],
  ["a simple value", "f0"],
  ["a simple value of two bytes", "f8ff"],
  ["a tag", "c11a514b67b0"],
  ["a big number", "c249010000000000000000"],
  ["map keys out of order", "a2616201616102"],
  ["a longer map key before a shorter one", "a26261610161620f"],
  ["a map key twice", "a2616101616102"],
  ["a map key that is a number", "a10102"],
  ["a map key that is bytes", "a1416101"],
  ["text that is no utf-8", "61ff"],
  ["text with half a surrogate pair", "63eda080"],
  ["text with an overlong letter", "62c0af"],
  ["text that begins with a byte-order mark", "64efbbbf61"],
];

describe("cbor", () => {
  for (const [hex, value] of PUBLISHED) {
    test(`${hex} is the one encoding of its value`, () => {
      assert.deepEqual(decodeCbor(fromHex(hex), MAX), value);
      assert.equal(toHex(encodeCbor(value)), hex);
    });
  }

  for (const [what, hex] of REFUSED) {
    test(`decodeCbor() refuses ${what}`, () => {
      assert.throws(() => decodeCbor(fromHex(hex), MAX), malformed);
    });
  }

  test("any value comes back, and whatever is read has these bytes alone", () => {
    const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        fc.maxSafeInteger(),
        fc.boolean(),
        fc.constant(null),
        fc.uint8Array({ maxLength: 40 }),
        fc.string({ unit: "grapheme-composite", maxLength: 30 }),
        fc.array(tie("value"), { maxLength: 4 }),
        fc
          .uniqueArray(fc.tuple(fc.string({ maxLength: 30 }), tie("value")), {
            maxLength: 4,
            selector: ([key]) => key,
          })
          .map((entries) => new Map(entries)),
      ),
    }));
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encodeCbor(value);
        const back = decodeCbor(bytes, MAX);
        assert.equal(toHex(encodeCbor(back)), toHex(bytes));
        assert.deepEqual(sorted(back), sorted(value));
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        let value: unknown;
        try {
          value = decodeCbor(bytes, MAX);
        } catch (error) {
          assert.ok(error instanceof CodecError);
          return;
        }
        assert.equal(toHex(encodeCbor(value)), toHex(bytes));
      }),
      { numRuns: 3000 },
    );
  });

  test("integers around 2^53 come back as they are, of either type", () => {
    for (const value of [2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, -(2n ** 53n), -(2n ** 53n) - 1n]) {
      const back = decodeCbor(encodeCbor(value), MAX);
      assert.ok(typeof back === "number" || typeof back === "bigint");
      assert.equal(BigInt(back), value);
    }
  });

  test("a key named __proto__ is a key", () => {
    const bytes = encodeCbor(new Map([["__proto__", 1]]));
    assert.deepEqual(decodeCbor(bytes, MAX), new Map([["__proto__", 1]]));
  });

  test("decodeCbor() holds to its limits of bytes, depth and items", () => {
    const bytes = encodeCbor(new Uint8Array(100));
    assert.doesNotThrow(() => decodeCbor(bytes, 102));
    assert.throws(() => decodeCbor(bytes, 101), malformed);
    const nested = (depth: number): Uint8Array => new Uint8Array(depth + 1).fill(0x81, 0, depth);
    assert.doesNotThrow(() => decodeCbor(nested(CBOR_DEPTH_MAX), MAX));
    assert.throws(() => decodeCbor(nested(CBOR_DEPTH_MAX + 1), MAX), malformed);
    assert.throws(() => decodeCbor(new Uint8Array(1_000_000).fill(0x81), MAX), malformed);
    const many = new Uint8Array(CBOR_ITEMS_MAX + 5);
    many.set([0x9a, 0, 8, 0, 0]);
    assert.equal(CBOR_ITEMS_MAX, 0x80000);
    assert.throws(() => decodeCbor(many, MAX), malformed);
    many.set([0x9a, 0, 7, 255, 255]);
    assert.doesNotThrow(() => decodeCbor(many.subarray(0, -1), MAX));
  });

  test("encodeCbor() refuses what decodeCbor() would", () => {
    const bad = [
      1.5,
      NaN,
      undefined,
      2n ** 64n,
      "\u{feff}a",
      new Map([[1, 2]]),
      new Date(0),
      () => 1,
    ];
    for (const value of bad) assert.throws(() => encodeCbor(value), malformed);
  });

  test("readers name what they refuse", () => {
    const named = { ...malformed, message: /^size: / };
    for (const bad of [undefined, null, "1", -1, 1.5, 2n ** 53n, [], NaN]) {
      assert.throws(() => readUint(bad, "size"), named);
    }
    assert.throws(() => readUint(8, "size", 7), named);
    assert.equal(readUint(7, "size", 7), 7);
    for (const bad of [undefined, -1, -1n, 2n ** 64n]) {
      assert.throws(() => readU64(bad, "size"), named);
    }
    assert.equal(readU64(7, "size"), 7n);
    assert.throws(() => readBytes("ab", "size"), named);
    assert.throws(() => readBytes(new Uint8Array(3), "size", 2), named);
    assert.throws(() => readText(new Uint8Array(3), "size"), named);
    assert.throws(() => readText("abc", "size", 2), named);
    assert.throws(() => readText("\ud800", "size"), named);
    assert.throws(() => readArray({ length: 1 }, "size", 9), named);
    assert.throws(() => readArray([1, 2], "size", 1), named);
    assert.throws(() => readMap({}, "size"), named);
    assert.throws(() => readMap(new Map([["a", 1]]), "size", 0), named);
  });

  test("decodeVersioned() names an unknown version, whatever its form", () => {
    const unknown = { code: "VERSION_UNKNOWN", message: "thing: version 3, known is 1" };
    for (const value of [[3], [3, 1, 2], [3, new Map()]]) {
      assert.throws(() => decodeVersioned(encodeCbor(value), "thing", 1, 1, MAX), unknown);
    }
    assert.deepEqual(decodeVersioned(encodeCbor([1, "a"]), "thing", 1, 1, MAX), ["a"]);
    for (const value of [[], ["1"], [1], [1, 2, 3], 1, [-1, 1]]) {
      assert.throws(() => decodeVersioned(encodeCbor(value), "thing", 1, 1, MAX), malformed);
    }
  });
});

/** Maps compare by entries in any order; -0 is 0. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value instanceof Map) {
    const entries = [...value].map(([key, part]): [string, unknown] => [String(key), sorted(part)]);
    return entries.sort(([a], [b]) => (a < b ? -1 : 1));
  }
  return value === 0 ? 0 : value;
}
