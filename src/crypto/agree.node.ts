import { createPrivateKey, createPublicKey, diffieHellman } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { assert } from "../base/assert.ts";
import { CryptoError } from "./error.ts";

export const AGREEMENT_KEY_BYTES = 32;

/** Fixed DER heads of RFC 8410 for X25519, as for Ed25519 in `sign.node.ts`. */
const PRIVATE_HEAD = Buffer.from("302e020100300506032b656e04220420", "hex");
const PUBLIC_HEAD = Buffer.from("302a300506032b656e032100", "hex");

/** An X25519 key pair. The secret half stays inside the key object. */
export interface AgreementKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly secret: KeyObject;
}

/** The key pair of 32 secret bytes. */
export function agreementKeyOf(seed: Uint8Array): AgreementKey {
  assert(seed.length === AGREEMENT_KEY_BYTES, "an agreement seed has 32 bytes");
  const secret = createPrivateKey({
    key: Buffer.concat([PRIVATE_HEAD, seed]),
    format: "der",
    type: "pkcs8",
  });
  const spki = createPublicKey(secret).export({ format: "der", type: "spki" });
  return { publicKey: new Uint8Array(spki.subarray(PUBLIC_HEAD.length)), secret };
}

/** The 32 secret bytes that only the two ends share (RFC 7748). Never a key itself: derive from it,
 * together with both public keys.
 * @throws CryptoError KEY_MALFORMED for a public key that is none, or of small order */
export function agree(key: AgreementKey, publicKey: Uint8Array): Uint8Array {
  if (publicKey.length !== AGREEMENT_KEY_BYTES) {
    throw new CryptoError("KEY_MALFORMED", `an agreement key of ${publicKey.length} bytes`);
  }
  try {
    const other = createPublicKey({
      key: Buffer.concat([PUBLIC_HEAD, publicKey]),
      format: "der",
      type: "spki",
    });
    return new Uint8Array(diffieHellman({ privateKey: key.secret, publicKey: other }));
  } catch (cause) {
    throw new CryptoError("KEY_MALFORMED", "an agreement key that gives no secret", { cause });
  }
}
