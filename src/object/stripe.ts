import { idOf } from "../base/id.ts";
import type { ShardId } from "../base/id.ts";
import {
  CHUNK_MAX_BYTES,
  META_PACK_MAX_BYTES,
  MIB,
  PACK_COPY_BELOW_BYTES,
  PACK_MAX_BYTES,
  STRIPE_MAX_BYTES,
} from "../base/limits.ts";
import { shardBytesOf } from "../codec/stripe.ts";
import { leafHashes, shardIdOf } from "../crypto/hash.node.ts";
import type { Arena } from "../kernels/arena.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { CHUNK_OVERHEAD_BYTES } from "./chunk.ts";
import { PACK_OVERHEAD_BYTES } from "./pack.ts";

/** How a pack is coded: any `k` of `n` shards give it back. */
export interface StripeCode {
  k: number;
  n: number;
}

/** The code of a pack of `packBytes`: small ones are copied, as many times as give the same
 * safety. */
export function codeOfPack(packBytes: number, code: StripeCode): StripeCode {
  return packBytes < PACK_COPY_BELOW_BYTES ? { k: 1, n: code.n - code.k + 1 } : code;
}

/** The most bytes of a pack whose whole stripe stays within STRIPE_MAX_BYTES. */
export function packMaxBytes(code: StripeCode): number {
  const shards = code.k === 1 ? 1 : code.n;
  const fitting = Math.min(PACK_MAX_BYTES, (STRIPE_MAX_BYTES * code.k) / shards);
  const align = code.k * SECTOR_BYTES;
  return Math.floor(fitting / align) * align;
}

/** As `packMaxBytes`, for a pack of tree or index chunks: these are short, and several packs of
 * them are open at once. */
export function metaPackMaxBytes(code: StripeCode): number {
  const align = code.k * SECTOR_BYTES;
  return Math.min(packMaxBytes(code), Math.floor(META_PACK_MAX_BYTES / align) * align);
}

/** Whether packs of a code can hold the longest chunk: one that spreads a pack over very many times
 * its bytes leaves too little room in memory. */
export function isCodeUsable(code: StripeCode): boolean {
  const least = CHUNK_MAX_BYTES + CHUNK_OVERHEAD_BYTES + PACK_OVERHEAD_BYTES;
  return packMaxBytes(code) >= least;
}

/** The code to bring a pack that exists to holders with: `code`, with as many shards less as it
 * takes for the whole stripe to stay within STRIPE_MAX_BYTES. */
export function codeWithinMemory(packBytes: number, code: StripeCode): StripeCode {
  const { k, n } = codeOfPack(packBytes, code);
  if (k === 1) return { k, n };
  return { k, n: Math.min(n, Math.floor(STRIPE_MAX_BYTES / shardBytesOf(packBytes, k))) };
}

/** What a pack's length is a multiple of, so that its shards are whole disk sectors, or, for small
 * packs, whole SIMD lanes. */
export function packAlignBytes(lengthBytes: number, code: StripeCode): number {
  return code.k * (lengthBytes >= MIB ? SECTOR_BYTES : LANE_BYTES);
}

const SECTOR_BYTES = 4096;
const LANE_BYTES = 64;

/** Bytes that a stripe of a pack of at most `packBytes` needs in memory, data and parity. */
export function stripeBytes(packBytes: number, code: StripeCode): number {
  const shards = code.k === 1 ? 1 : code.n;
  return shardBytesOf(packBytes, code.k) * shards;
}

/** Where shard `index` of a stripe that begins at `at` lies. All copies of a pack are one. */
export function shardAt(at: number, index: number, shardBytes: number, k: number): number {
  return k === 1 ? at : at + index * shardBytes;
}

/** Codes the pack that lies at `at` in the arena: zeroes its tail up to whole shards, computes the
 * parity behind it and the ids of all shards.
 * @returns the ids by shard number; for k = 1 all are the same */
export function encodeStripe(
  kernels: Kernels,
  arena: Arena,
  at: number,
  packBytes: number,
  code: StripeCode,
): ShardId[] {
  const { k, n } = code;
  const shardBytes = shardBytesOf(packBytes, k);
  arena.bytes.fill(0, at + packBytes, at + k * shardBytes);
  if (k > 1) kernels.encode(k, n - k, shardBytes, at, at + k * shardBytes);
  const ids: ShardId[] = [];
  for (let index = 0; index < n; index++) {
    if (k === 1 && ids[0] !== undefined) ids.push(ids[0]);
    else ids.push(shardIdAt(arena, at + index * shardBytes, shardBytes));
  }
  return ids;
}

/** Whether the pack that lies at `at` is the one with these `k` data shards. Zeroes its tail up to
 * whole shards. */
export function packMatches(
  arena: Arena,
  at: number,
  packBytes: number,
  dataShards: readonly { readonly id: ShardId }[],
): boolean {
  const shardBytes = shardBytesOf(packBytes, dataShards.length);
  arena.bytes.fill(0, at + packBytes, at + dataShards.length * shardBytes);
  return dataShards.every(
    ({ id }, index) => shardIdAt(arena, at + index * shardBytes, shardBytes) === id,
  );
}

function shardIdAt(arena: Arena, at: number, shardBytes: number): ShardId {
  return idOf(shardIdOf(shardBytes, leafHashes(arena.bytes.subarray(at, at + shardBytes))));
}
