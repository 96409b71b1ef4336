import assert from "node:assert/strict";
import { sign as signRaw } from "node:crypto";
import { describe, test } from "node:test";
import { flippedBits } from "../../tests/flips.ts";
import { fromHex, readVectors, toHex } from "../../tests/vectors/read.ts";
import { utf8 } from "../base/bytes.ts";
import { SIGNATURE_BYTES, sign, signingKeyOf, verify } from "./sign.node.ts";

interface SigningVector {
  seed: string;
  publicKey: string;
  message: string;
  signature: string;
}
const { signing } = readVectors("crypto") as { signing: SigningVector[] };
const key = signingKeyOf(new Uint8Array(32).fill(7));
const message = utf8("a shard is kept");

describe("sign", () => {
  for (const vector of signing) {
    test(`a key pair is that of RFC 8032 for ${vector.publicKey.slice(0, 8)}…`, () => {
      const pair = signingKeyOf(fromHex(vector.seed));
      assert.equal(toHex(pair.publicKey), vector.publicKey);
      const signature = signRaw(null, fromHex(vector.message), pair.secret);
      assert.equal(toHex(signature), vector.signature);
    });
  }

  test("a signature holds for its purpose, key and message, and for no other", () => {
    const signature = sign("ticket", key, message);
    assert.equal(signature.length, SIGNATURE_BYTES);
    assert.equal(verify("ticket", key.publicKey, message, signature), true);
    assert.equal(verify("receipt", key.publicKey, message, signature), false);
    assert.equal(verify("ticket", key.publicKey, utf8("a shard is lost"), signature), false);
    const other = signingKeyOf(new Uint8Array(32).fill(8));
    assert.equal(verify("ticket", other.publicKey, message, signature), false);
  });

  test("purpose and message cannot be shifted into each other", () => {
    const signature = sign("a", key, utf8("b"));
    assert.equal(verify("a v1\0b", key.publicKey, utf8(""), signature), false);
  });

  test("no bit of signature or message can be flipped", () => {
    const signature = sign("ticket", key, message);
    for (const { bit, forged } of flippedBits(signature)) {
      assert.equal(verify("ticket", key.publicKey, message, forged), false, `bit ${bit}`);
    }
    for (const { bit, forged } of flippedBits(message)) {
      assert.equal(verify("ticket", key.publicKey, forged, signature), false, `bit ${bit}`);
    }
  });

  test("verify() answers false to keys and signatures of any length", () => {
    const signature = sign("ticket", key, message);
    for (const length of [0, 1, 31, 33, 64]) {
      assert.equal(verify("ticket", new Uint8Array(length), message, signature), false);
    }
    for (const length of [0, 1, 63, 65]) {
      assert.equal(verify("ticket", key.publicKey, message, new Uint8Array(length)), false);
    }
    assert.equal(verify("ticket", new Uint8Array(32).fill(255), message, signature), false);
  });
});
