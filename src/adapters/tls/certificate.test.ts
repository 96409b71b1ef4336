import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { keyOf } from "../../../tests/support/tls-pair.ts";
import { certificateOf, certificatePem } from "./certificate.ts";

test("OpenSSL reads the certificate: self-signed over the peer key, valid for ever, no authority", () => {
  for (const seed of [1, 2, 200]) {
    const key = keyOf(seed);
    const certificate = new X509Certificate(certificatePem(key));
    const spki = certificate.publicKey.export({ format: "der", type: "spki" });
    assert.deepEqual(spki.subarray(-32), Buffer.from(key.publicKey));
    assert.equal(certificate.verify(certificate.publicKey), true);
    assert.equal(
      certificate.verify(new X509Certificate(certificatePem(keyOf(3))).publicKey),
      false,
    );
    assert.equal(certificate.ca, false);
    assert.equal(certificate.subject, "CN=holdfast");
    assert.equal(certificate.validFromDate.getUTCFullYear(), 2020);
    assert.equal(certificate.validToDate.getUTCFullYear(), 9999);
    assert.deepEqual(certificateOf(key), certificateOf(keyOf(seed)));
  }
});
