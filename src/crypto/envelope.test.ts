import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { flippedBits } from "../../tests/flips.ts";
import { fromHex, readVectors, toHex } from "../../tests/vectors/read.ts";
import { openEnvelope, signEnvelope } from "./envelope.ts";
import { signingKeyOf } from "./sign.node.ts";

interface EnvelopeVector {
  purpose: string;
  seed: string;
  body: string;
  envelope: string;
}
const { envelope } = readVectors("crypto") as { envelope: EnvelopeVector[] };
const key = signingKeyOf(new Uint8Array(32).fill(9));
const invalid = { code: "SIGNATURE_INVALID" };

describe("envelope", () => {
  for (const vector of envelope) {
    test(`a signed ${vector.purpose} has the bytes of its vector`, () => {
      const signed = signEnvelope(
        vector.purpose,
        signingKeyOf(fromHex(vector.seed)),
        fromHex(vector.body),
      );
      assert.equal(toHex(signed), vector.envelope);
    });
  }

  test("any body comes back with its signer", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        const opened = openEnvelope("ticket", signEnvelope("ticket", key, body));
        assert.deepEqual(opened.signer, key.publicKey);
        assert.deepEqual(opened.body, body);
      }),
      { numRuns: 30 },
    );
  });

  test("openEnvelope() refuses another purpose, every flipped bit and every cut", () => {
    const signed = signEnvelope("ticket", key, new Uint8Array([1, 2, 3]));
    assert.throws(() => openEnvelope("receipt", signed), invalid);
    for (const { bit, forged } of flippedBits(signed)) {
      assert.throws(() => openEnvelope("ticket", forged), invalid, `bit ${bit}`);
    }
    for (let length = 0; length < signed.length; length++) {
      assert.throws(() => openEnvelope("ticket", signed.subarray(0, length)), invalid);
    }
  });

  test("openEnvelope() refuses random bytes with its code alone", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        assert.throws(() => openEnvelope("ticket", bytes), invalid);
      }),
    );
  });
});
