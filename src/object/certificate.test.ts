import assert from "node:assert/strict";
import { test } from "node:test";
import { flippedBits } from "../../tests/flips.ts";
import { concatBytes } from "../base/bytes.ts";
import { idOf } from "../base/id.ts";
import { SIGNED_BODY_MAX_BYTES } from "../base/limits.ts";
import { encodeCertificate } from "../codec/certificate.ts";
import type { DeviceCertificate } from "../codec/certificate.ts";
import { signEnvelope } from "../crypto/envelope.ts";
import { signingKeyOf } from "../crypto/sign.node.ts";
import { openCertificate, signCertificate } from "./certificate.ts";

const root = signingKeyOf(new Uint8Array(32).fill(1));
const certificate: DeviceCertificate = {
  account: idOf(root.publicKey),
  peer: idOf(signingKeyOf(new Uint8Array(32).fill(2)).publicKey),
  agreementKey: new Uint8Array(32).fill(3),
  name: "laptop",
  number: 1,
};
const invalid = { code: "SIGNATURE_INVALID" };

test("a certificate comes back as it was signed", () => {
  assert.deepEqual(openCertificate(signCertificate(root, certificate)), certificate);
});

test("openCertificate() refuses every flipped bit", () => {
  const signed = signCertificate(root, certificate);
  for (const { bit, forged } of flippedBits(signed)) {
    assert.throws(() => openCertificate(forged), invalid, `bit ${bit}`);
  }
});

test("openCertificate() refuses one that another key than the account's signed", () => {
  const stranger = signingKeyOf(new Uint8Array(32).fill(9));
  assert.throws(() => openCertificate(signCertificate(stranger, certificate)), invalid);
});

test("openCertificate() refuses what was signed for another purpose", () => {
  const ticket = signEnvelope("ticket", root, encodeCertificate(certificate));
  assert.throws(() => openCertificate(ticket), invalid);
});

test("openCertificate() refuses a signed body that is none, and one that is too long", () => {
  const malformed = { code: "FORMAT_MALFORMED" };
  const nonsense = signEnvelope("device certificate", root, new Uint8Array([1, 2, 3]));
  assert.throws(() => openCertificate(nonsense), malformed);
  const long = concatBytes(encodeCertificate(certificate), new Uint8Array(SIGNED_BODY_MAX_BYTES));
  assert.throws(() => openCertificate(signEnvelope("device certificate", root, long)), malformed);
});
