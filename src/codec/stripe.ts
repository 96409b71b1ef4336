import { assert } from "../base/assert.ts";
import { ID_BYTES, idBytes, idOf } from "../base/id.ts";
import type { PeerId, ShardId } from "../base/id.ts";
import { PACK_MAX_BYTES, STRIPE_SHARDS_MAX } from "../base/limits.ts";
import { decodeVersioned, encodeCbor, readArray, readBytes, readUint } from "./cbor.ts";
import { malformed } from "./error.ts";

/** One shard of a stripe and who keeps it. */
export interface StripeShard {
  id: ShardId;
  /** Undefined while nobody does. */
  holder: PeerId | undefined;
}

/** A pack after erasure coding: any `k` of the `n` shards give it back. */
export interface Stripe {
  packBytes: number;
  k: number;
  n: number;
  /** By shard number, `n` of them. For `k` = 1 all ids are the same: the shards are copies. */
  shards: StripeShard[];
}

const VERSION = 1;
const WHAT = "stripe";
const PARTS = 5;
/** Head, three numbers and at most 255 ids and holders. */
const BYTES_MAX = 2 * STRIPE_SHARDS_MAX * ID_BYTES + 64;

/** The length of each shard of a pack: a `k`th of it, rounded up; the last one is filled with
 * zeroes. */
export function shardBytesOf(packBytes: number, k: number): number {
  return Math.ceil(packBytes / k);
}

/** Encodes a stripe on its own. */
export function encodeStripe(stripe: Stripe): Uint8Array {
  return encodeCbor([VERSION, ...stripeToValue(stripe)]);
}

/** @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED */
export function decodeStripe(bytes: Uint8Array): Stripe {
  return stripeFromValue(decodeVersioned(bytes, WHAT, VERSION, PARTS, BYTES_MAX));
}

/** A stripe as a CBOR value, for formats that hold some: `[packBytes, k, n, ids, holders]`, where
 * `ids` are the shard ids one after the other (one only where `k` = 1), and `holders` the holders,
 * 32 zero bytes (which are no Ed25519 key that anybody could sign with) for nobody. */
export function stripeToValue(stripe: Stripe): unknown[] {
  const { packBytes, k, n, shards } = stripe;
  assert(shards.length === n, "a stripe has n shards");
  const count = k === 1 ? 1 : n;
  const ids = new Uint8Array(count * ID_BYTES);
  const holders = new Uint8Array(n * ID_BYTES);
  shards.forEach(({ id, holder }, index) => {
    if (index < count) ids.set(idBytes(id), index * ID_BYTES);
    else assert(id === shards[0]!.id, "copies have one id");
    if (holder !== undefined) holders.set(idBytes(holder), index * ID_BYTES);
  });
  return [packBytes, k, n, ids, holders];
}

/** @throws CodecError FORMAT_MALFORMED
 * @see docs/format/stripe.md */
export function stripeFromValue(value: unknown): Stripe {
  const parts = readArray(value, WHAT, PARTS);
  const packBytes = readUint(parts[0], "stripe: pack length", PACK_MAX_BYTES);
  const n = readUint(parts[2], "stripe: n", STRIPE_SHARDS_MAX);
  const k = readUint(parts[1], "stripe: k", n);
  if (packBytes === 0 || k === 0) throw malformed(WHAT, "an empty pack or no shards");
  const count = k === 1 ? 1 : n;
  const ids = readBytes(parts[3], "stripe: shard ids", count * ID_BYTES);
  const holders = readBytes(parts[4], "stripe: holders", n * ID_BYTES);
  const shards: StripeShard[] = [];
  for (let index = 0; index < n; index++) {
    const id = index < count ? idOf(idAt(ids, index)) : shards[0]!.id;
    const holder = idAt(holders, index);
    shards.push({ id, holder: holder.every((byte) => byte === 0) ? undefined : idOf(holder) });
  }
  return { packBytes, k, n, shards };
}

function idAt(bytes: Uint8Array, index: number): Uint8Array {
  return bytes.subarray(index * ID_BYTES, (index + 1) * ID_BYTES);
}
