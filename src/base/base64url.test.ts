import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { base64UrlDecode, base64UrlEncode } from "./base64url.ts";

test("encodes as Buffer does, and decodes it back", () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      const text = base64UrlEncode(bytes);
      assert.equal(text, Buffer.from(bytes).toString("base64url"));
      assert.deepEqual(base64UrlDecode(text), bytes);
    }),
  ));

test("refuses every text that is not the one encoding of some bytes", () => {
  for (const text of ["A", "AB", "AAB", "AA==", "A+==", "AA/A", "A A", "AAAAA", "ä"]) {
    assert.equal(base64UrlDecode(text), undefined, text);
  }
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), (text) => {
      const bytes = base64UrlDecode(text);
      assert.ok(bytes === undefined || base64UrlEncode(bytes) === text);
    }),
  );
});
