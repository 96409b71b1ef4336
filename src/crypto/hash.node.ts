import { Blake3Hasher, blake3 } from "@napi-rs/blake-hash";
import { assert } from "../base/assert.ts";
import { LEAF_BYTES } from "../base/limits.ts";

const HASH_BYTES = 32;
/** Context strings are `holdfast 2026 <purpose> v1`, so that no two purposes share a key. */
const contextOf = (purpose: string): string => `holdfast 2026 ${purpose} v1`;

/** BLAKE3 of `bytes`: 32 bytes. */
export function hash(bytes: Uint8Array): Uint8Array {
  return blake3(bytes);
}

/** Keyed BLAKE3 of the parts one after the other: 32 bytes. `key` has 32 bytes. */
export function keyedHash(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  assert(key.length === HASH_BYTES, "a hash key has 32 bytes");
  const hasher = Blake3Hasher.newKeyed(asBuffer(key));
  for (const part of parts) hasher.update(asBuffer(part));
  return hasher.digestBuffer();
}

/** BLAKE3 `derive_key` with the context of `purpose`: 32 bytes. */
export function deriveKey(purpose: string, ...material: readonly Uint8Array[]): Uint8Array {
  const hasher = Blake3Hasher.newDeriveKey(contextOf(purpose));
  for (const part of material) hasher.update(asBuffer(part));
  return hasher.digestBuffer();
}

/** BLAKE3 of each 16 KiB leaf of `bytes`, one after the other; an empty array for no bytes. */
export function leafHashes(bytes: Uint8Array): Uint8Array {
  const count = Math.ceil(bytes.length / LEAF_BYTES);
  const hashes = new Uint8Array(count * HASH_BYTES);
  const whole = asBuffer(bytes);
  for (let leaf = 0; leaf < count; leaf++) {
    hashes.set(
      blake3(whole.subarray(leaf * LEAF_BYTES, (leaf + 1) * LEAF_BYTES)),
      leaf * HASH_BYTES,
    );
  }
  return hashes;
}

/** The two-level id of a shard from its length and the hashes of its leaves: 32 bytes.
 * @see docs/format/shard.md */
export function shardIdOf(lengthBytes: number, hashes: Uint8Array): Uint8Array {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(lengthBytes), true);
  return deriveKey("shard id", length, hashes);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}
