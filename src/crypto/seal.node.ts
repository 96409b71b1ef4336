import { createCipheriv, createDecipheriv } from "node:crypto";
import { assert } from "../base/assert.ts";
import { CryptoError } from "./error.ts";

export const TAG_BYTES = 16;
export const NONCE_BYTES = 12;
export const KEY_BYTES = 32;
const CIPHER = "aes-256-gcm";
/** OpenSSL's output is a fresh buffer per call: small enough to stay in the processor's cache until
 * it is copied, large enough that calls do not count. */
const PIECE_BYTES = 128 * 1024;

/** Seals `plain` with AES-256-GCM into `target` at `offset`: ciphertext, then the 16-byte tag.
 * `plain` may lie in `target` where the ciphertext goes. The caller answers for the nonce rule.
 * @returns the number of bytes written, `plain.length + 16` */
export function sealInto(
  target: Uint8Array,
  offset: number,
  key: Uint8Array,
  nonce: Uint8Array,
  associated: Uint8Array,
  plain: Uint8Array,
): number {
  assert(
    key.length === KEY_BYTES && nonce.length === NONCE_BYTES,
    "AES-256-GCM key 32, nonce 12 bytes",
  );
  const cipher = createCipheriv(CIPHER, key, nonce);
  cipher.setAAD(associated);
  for (let at = 0; at < plain.length; at += PIECE_BYTES) {
    moveInto(target, offset + at, cipher.update(plain.subarray(at, at + PIECE_BYTES)));
  }
  cipher.final();
  target.set(cipher.getAuthTag(), offset + plain.length);
  return plain.length + TAG_BYTES;
}

/** Opens what `sealInto` made, into `target` (which has room for it).
 * @returns the number of plaintext bytes
 * @throws CryptoError SEAL_BROKEN; `target` then holds nothing to be trusted */
export function openInto(
  target: Uint8Array,
  key: Uint8Array,
  nonce: Uint8Array,
  associated: Uint8Array,
  sealed: Uint8Array,
): number {
  const lengthBytes = sealed.length - TAG_BYTES;
  if (lengthBytes < 0)
    throw new CryptoError("SEAL_BROKEN", "sealed bytes are shorter than their tag");
  assert(target.length >= lengthBytes, "the plaintext fits its target");
  const cipher = createDecipheriv(CIPHER, key, nonce);
  cipher.setAAD(associated);
  cipher.setAuthTag(sealed.subarray(lengthBytes));
  for (let at = 0; at < lengthBytes; at += PIECE_BYTES) {
    const end = Math.min(at + PIECE_BYTES, lengthBytes);
    moveInto(target, at, cipher.update(sealed.subarray(at, end)));
  }
  try {
    cipher.final();
  } catch (cause) {
    throw new CryptoError("SEAL_BROKEN", "sealed bytes do not open with this key", { cause });
  }
  return lengthBytes;
}

/** Copies a cipher's output and frees it at once. Left to the collector, a GiB of it costs more
 * time than the cipher: every 64 MiB the whole heap would be marked. */
function moveInto(target: Uint8Array, at: number, piece: Buffer): void {
  target.set(piece, at);
  const { buffer } = piece;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === piece.length) buffer.transfer(0);
}
