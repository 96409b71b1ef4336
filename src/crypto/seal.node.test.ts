import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { flippedBits } from "../../tests/flips.ts";
import { fromHex, readVectors, toHex } from "../../tests/vectors/read.ts";
import { KEY_BYTES, NONCE_BYTES, TAG_BYTES, openInto, sealInto } from "./seal.node.ts";

interface SealingVector {
  key: string;
  nonce: string;
  associated: string;
  plain: string;
  sealed: string;
}
const { sealing } = readVectors("crypto") as { sealing: SealingVector[] };
const PIECE = 128 * 1024;
const key = new Uint8Array(KEY_BYTES).fill(3);
const nonce = new Uint8Array(NONCE_BYTES).fill(4);
const associated = new Uint8Array([1, 2, 3]);

function seal(plain: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(plain.length + TAG_BYTES);
  assert.equal(sealInto(sealed, 0, key, nonce, associated, plain), sealed.length);
  return sealed;
}

describe("seal", () => {
  for (const [index, vector] of sealing.entries()) {
    test(`sealing is AES-256-GCM as published, case ${13 + index}`, () => {
      const plain = fromHex(vector.plain);
      const sealed = new Uint8Array(plain.length + TAG_BYTES);
      const bound = fromHex(vector.associated);
      sealInto(sealed, 0, fromHex(vector.key), fromHex(vector.nonce), bound, plain);
      assert.equal(toHex(sealed), vector.sealed);
    });
  }

  test("bytes come back at every length around the pieces' edges", () => {
    for (const length of [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 17]) {
      const plain = new Uint8Array(length).map((_, index) => index * 31);
      const opened = new Uint8Array(length);
      assert.equal(openInto(opened, key, nonce, associated, seal(plain)), length);
      assert.deepEqual(opened, plain);
    }
  });

  test("a plaintext may lie where its ciphertext goes", () => {
    const length = 2 * PIECE + 5;
    const plain = new Uint8Array(length).map((_, index) => index * 7);
    const place = new Uint8Array(10 + length + TAG_BYTES);
    place.set(plain, 10);
    sealInto(place, 10, key, nonce, associated, place.subarray(10, 10 + length));
    assert.deepEqual(place.subarray(10), seal(plain));
  });

  test("no bit of what is sealed or bound can be flipped", () => {
    const plain = new Uint8Array(9).fill(5);
    const sealed = seal(plain);
    const target = new Uint8Array(plain.length);
    for (const { bit, forged } of flippedBits(sealed)) {
      const open = (): number => openInto(target, key, nonce, associated, forged);
      assert.throws(open, { code: "SEAL_BROKEN" }, `bit ${bit}`);
    }
    const broken = { code: "SEAL_BROKEN" };
    assert.throws(() => openInto(target, key, nonce, new Uint8Array([1, 2]), sealed), broken);
    assert.throws(() => openInto(target, key, new Uint8Array(12), associated, sealed), broken);
    assert.throws(() => openInto(target, new Uint8Array(32), nonce, associated, sealed), broken);
  });

  test("openInto() gives SEAL_BROKEN and nothing else for any bytes", () => {
    const target = new Uint8Array(300);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const open = (): number => openInto(target, key, nonce, associated, bytes);
        assert.throws(open, { code: "SEAL_BROKEN" });
      }),
    );
  });
});
