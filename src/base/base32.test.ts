import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { base32Decode, base32Encode } from "./base32.ts";
import { utf8 } from "./bytes.ts";

/** RFC 4648, section 10, in lower case and without padding. */
const PUBLISHED = [
  ["", ""],
  ["f", "my"],
  ["fo", "mzxq"],
  ["foo", "mzxw6"],
  ["foob", "mzxw6yq"],
  ["fooba", "mzxw6ytb"],
  ["foobar", "mzxw6ytboi"],
] as const;

describe("base32", () => {
  for (const [plain, text] of PUBLISHED) {
    test(`"${plain}" is "${text}" as published`, () => {
      assert.equal(base32Encode(utf8(plain)), text);
      assert.deepEqual(base32Decode(text), utf8(plain));
    });
  }

  test("any bytes come back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        assert.deepEqual(base32Decode(base32Encode(bytes)), bytes);
      }),
    );
  });

  test("base32Decode() takes no second spelling of any bytes", () => {
    const text = fc.string({ unit: fc.constantFrom(..."abcdz234567A1= ä"), maxLength: 12 });
    fc.assert(
      fc.property(text, (spelling) => {
        const bytes = base32Decode(spelling);
        if (bytes !== undefined) assert.equal(base32Encode(bytes), spelling);
      }),
      { numRuns: 2000 },
    );
    for (const bad of ["a", "abc", "abcdef", "mz", "MY", "m1", "my======", "m y", "mzxr"]) {
      assert.equal(base32Decode(bad), undefined, bad);
    }
  });
});
