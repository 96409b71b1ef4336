import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, readVectors, toHex } from "../../tests/vectors/read.ts";
import { agree, agreementKeyOf } from "./agree.node.ts";

interface AgreementVector {
  secretA: string;
  publicA: string;
  secretB: string;
  publicB: string;
  shared: string;
}
const { agreement } = readVectors("crypto") as { agreement: AgreementVector[] };

for (const vector of agreement) {
  test("agree() gives both ends the secret of RFC 7748", () => {
    const a = agreementKeyOf(fromHex(vector.secretA));
    const b = agreementKeyOf(fromHex(vector.secretB));
    assert.equal(toHex(a.publicKey), vector.publicA);
    assert.equal(toHex(b.publicKey), vector.publicB);
    assert.equal(toHex(agree(a, b.publicKey)), vector.shared);
    assert.equal(toHex(agree(b, a.publicKey)), vector.shared);
  });
}

test("agree() refuses keys of another length and of small order", () => {
  const key = agreementKeyOf(new Uint8Array(32).fill(1));
  const one = new Uint8Array(32);
  one[0] = 1;
  for (const bad of [new Uint8Array(0), new Uint8Array(31), new Uint8Array(32), one]) {
    assert.throws(() => agree(key, bad), { code: "KEY_MALFORMED" });
  }
});
