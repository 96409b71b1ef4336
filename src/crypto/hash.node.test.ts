import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { blake3 as oracle } from "@noble/hashes/blake3.js";
import * as fc from "fast-check";
import { readVectors, toHex } from "../../tests/vectors/read.ts";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { LEAF_BYTES } from "../base/limits.ts";
import { deriveKey, hash, keyedHash, leafHashes, shardIdOf } from "./hash.node.ts";

interface HashVector {
  lengthBytes: number;
  hash: string;
  keyed: string;
}
const { hashing } = readVectors("crypto") as { hashing: HashVector[] };
const VECTOR_KEY = utf8("whats the Elvish word for friend");

const filled = (lengthBytes: number): Uint8Array =>
  new Uint8Array(lengthBytes).map((_, index) => index % 251);
const contextOf = (purpose: string): Uint8Array => utf8(`holdfast 2026 ${purpose} v1`);

describe("hash", () => {
  for (const vector of hashing) {
    test(`hashes are BLAKE3's published ones for ${vector.lengthBytes} bytes`, () => {
      const input = filled(vector.lengthBytes);
      assert.equal(toHex(hash(input)), vector.hash);
      assert.equal(toHex(keyedHash(VECTOR_KEY, input)), vector.keyed);
    });
  }

  test("hash, keyedHash and deriveKey agree with another implementation", () => {
    const bytes = fc.uint8Array({ maxLength: 3000 });
    fc.assert(
      fc.property(bytes, bytes, fc.uint8Array({ minLength: 32, maxLength: 32 }), (a, b, key) => {
        const both = concatBytes(a, b);
        assert.equal(toHex(hash(both)), toHex(oracle(both)));
        assert.equal(toHex(keyedHash(key, a, b)), toHex(oracle(both, { key })));
        const derived = oracle(both, { context: contextOf("a test") });
        assert.equal(toHex(deriveKey("a test", a, b)), toHex(derived));
      }),
    );
  });

  test("a view into a larger array is hashed alone", () => {
    const whole = filled(100);
    assert.deepEqual(hash(whole.subarray(10, 20)), hash(whole.slice(10, 20)));
    assert.deepEqual(
      deriveKey("a test", whole.subarray(1, 9)),
      deriveKey("a test", whole.slice(1, 9)),
    );
  });

  test("what hashes shared memory hashes its bytes", () => {
    const shared = new Uint8Array(new SharedArrayBuffer(5000));
    shared.set(filled(5000));
    assert.deepEqual(hash(shared), hash(filled(5000)));
    assert.deepEqual(keyedHash(VECTOR_KEY, shared), keyedHash(VECTOR_KEY, filled(5000)));
    assert.deepEqual(leafHashes(shared), leafHashes(filled(5000)));
  });

  test("a shard's id is the derived hash of its length and its leaves' hashes", () => {
    for (const lengthBytes of [
      0,
      1,
      LEAF_BYTES - 1,
      LEAF_BYTES,
      LEAF_BYTES + 1,
      3 * LEAF_BYTES + 9,
    ]) {
      const shard = filled(lengthBytes);
      const leaves: Uint8Array[] = [];
      for (let at = 0; at < lengthBytes; at += LEAF_BYTES) {
        leaves.push(oracle(shard.subarray(at, at + LEAF_BYTES)));
      }
      const hashes = leafHashes(shard);
      assert.deepEqual(hashes, concatBytes(...leaves));
      const length = new Uint8Array(8);
      new DataView(length.buffer).setUint32(0, lengthBytes, true);
      const id = oracle(concatBytes(length, ...leaves), { context: contextOf("shard id") });
      assert.equal(toHex(shardIdOf(lengthBytes, hashes)), toHex(id));
    }
  });
});
