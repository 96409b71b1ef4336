import {
  createPrivateKey,
  createPublicKey,
  sign as signRaw,
  verify as verifyRaw,
} from "node:crypto";
import type { KeyObject } from "node:crypto";
import { assert } from "../base/assert.ts";
import { concatBytes, utf8 } from "../base/bytes.ts";

export const SEED_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/** Fixed DER heads of RFC 8410: an Ed25519 private key is its seed, a public key its 32 bytes,
 * behind them. */
const PRIVATE_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_HEAD = Buffer.from("302a300506032b6570032100", "hex");

/** An Ed25519 key pair. The secret half stays inside the key object. */
export interface SigningKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly secret: KeyObject;
}

/** The key pair of a 32-byte seed. */
export function signingKeyOf(seed: Uint8Array): SigningKey {
  assert(seed.length === SEED_BYTES, "a signing seed has 32 bytes");
  const secret = createPrivateKey({
    key: Buffer.concat([PRIVATE_HEAD, seed]),
    format: "der",
    type: "pkcs8",
  });
  const spki = createPublicKey(secret).export({ format: "der", type: "spki" });
  return { publicKey: new Uint8Array(spki.subarray(PUBLIC_HEAD.length)), secret };
}

/** What is signed is the purpose's context, a zero byte and the message: a signature for one
 * purpose
 * is none for another. */
function framed(purpose: string, message: Uint8Array): Uint8Array {
  return concatBytes(utf8(`holdfast 2026 ${purpose} v1\0`), message);
}

/** Signs `message` for `purpose`: 64 bytes (RFC 8032). */
export function sign(purpose: string, key: SigningKey, message: Uint8Array): Uint8Array {
  return new Uint8Array(signRaw(null, framed(purpose, message), key.secret));
}

/** Whether `signature` is that of `publicKey` over `message` for `purpose`. Never throws for bad
 * input. */
export function verify(
  purpose: string,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (publicKey.length !== 32 || signature.length !== SIGNATURE_BYTES) return false;
  try {
    const key = createPublicKey({
      key: Buffer.concat([PUBLIC_HEAD, publicKey]),
      format: "der",
      type: "spki",
    });
    return verifyRaw(null, framed(purpose, message), key, signature);
  } catch {
    return false;
  }
}
