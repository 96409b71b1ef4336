import { concatBytes } from "../base/bytes.ts";
import { CryptoError } from "./error.ts";
import { SIGNATURE_BYTES, sign, verify } from "./sign.node.ts";
import type { SigningKey } from "./sign.node.ts";

const KEY_BYTES = 32;

/** A signed body: signature 64 ‖ signer's public key 32 ‖ body. The signature covers signer and
 * body. */
export interface Envelope {
  signer: Uint8Array;
  body: Uint8Array;
}

/** Signs `body` for `purpose`. */
export function signEnvelope(purpose: string, key: SigningKey, body: Uint8Array): Uint8Array {
  const signed = concatBytes(key.publicKey, body);
  return concatBytes(sign(purpose, key, signed), signed);
}

/** Checks the signature and gives signer and body (views into `bytes`). Whether the signer may say
 * so is the caller's question.
 * @throws CryptoError SIGNATURE_INVALID */
export function openEnvelope(purpose: string, bytes: Uint8Array): Envelope {
  const signed = bytes.subarray(SIGNATURE_BYTES);
  const signer = signed.subarray(0, KEY_BYTES);
  if (
    signed.length < KEY_BYTES ||
    !verify(purpose, signer, signed, bytes.subarray(0, SIGNATURE_BYTES))
  ) {
    throw new CryptoError("SIGNATURE_INVALID", `${purpose}: the signature does not match`);
  }
  return { signer, body: signed.subarray(KEY_BYTES) };
}
