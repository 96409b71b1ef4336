import { equalBytes } from "../base/bytes.ts";
import { idOf, type PeerId, type ShardId } from "../base/id.ts";
import { LEAF_BYTES } from "../base/limits.ts";
import { leafHashes, shardIdOf } from "../crypto/hash.node.ts";
import { SwarmError } from "./error.ts";

const HASH_BYTES = 32;
const LENGTH_BYTES = 8;

/** Part of a shard whose length is known. */
export interface ShardRange {
  start: number;
  end: number;
  /** Of the whole shard. */
  lengthBytes: number;
}

/** Checks a whole shard against its id.
 * @throws SwarmError SHARD_FORGED, naming the peer it came from */
export function verifyShard(peer: PeerId, id: ShardId, bytes: Uint8Array): void {
  if (idOf(shardIdOf(bytes.length, leafHashes(bytes))) !== id) {
    throw forged(peer, id, `${bytes.length} bytes that are not the shard's`);
  }
}

/** The exact length of the proof of a range. */
export function proofBytesMax(range: ShardRange): number {
  const { first, last, hashesBytes } = layoutOf(range);
  return LENGTH_BYTES + hashesBytes + last - first;
}

/** Opens `u64 length ‖ leaf hashes ‖ leaves`: the hash list is checked against the id, each leaf
 * against its hash.
 * @returns the range's bytes, a view into `proof`
 * @throws SwarmError SHARD_FORGED */
export function openProof(
  peer: PeerId,
  id: ShardId,
  range: ShardRange,
  proof: Uint8Array,
): Uint8Array {
  const { first, last, hashesBytes } = layoutOf(range);
  const { start, end, lengthBytes } = range;
  if (proof.length !== LENGTH_BYTES + hashesBytes + last - first) {
    throw forged(peer, id, `a proof of ${proof.length} bytes`);
  }
  const view = new DataView(proof.buffer, proof.byteOffset, proof.byteLength);
  const hashes = proof.subarray(LENGTH_BYTES, LENGTH_BYTES + hashesBytes);
  const isList =
    view.getBigUint64(0, true) === BigInt(lengthBytes) &&
    idOf(shardIdOf(lengthBytes, hashes)) === id;
  if (!isList) throw forged(peer, id, "a list of leaf hashes that is not the shard's");
  const leaves = proof.subarray(LENGTH_BYTES + hashesBytes);
  const got = leafHashes(leaves);
  const at = (first / LEAF_BYTES) * HASH_BYTES;
  if (!equalBytes(got, hashes.subarray(at, at + got.length))) {
    throw forged(peer, id, "leaves that do not match their hashes");
  }
  return leaves.subarray(start - first, end - first);
}

function layoutOf({ start, end, lengthBytes }: ShardRange): {
  first: number;
  last: number;
  hashesBytes: number;
} {
  if (!(start >= 0 && start < end && end <= lengthBytes)) {
    throw new RangeError(`bytes ${start} to ${end} of ${lengthBytes} are no range`);
  }
  return {
    first: Math.floor(start / LEAF_BYTES) * LEAF_BYTES,
    last: Math.min(Math.ceil(end / LEAF_BYTES) * LEAF_BYTES, lengthBytes),
    hashesBytes: Math.ceil(lengthBytes / LEAF_BYTES) * HASH_BYTES,
  };
}

function forged(peer: PeerId, id: ShardId, what: string): SwarmError {
  return new SwarmError("SHARD_FORGED", `shard ${id}: peer ${peer} sent ${what}`);
}
