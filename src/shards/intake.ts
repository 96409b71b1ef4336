import { concatBytes } from "../base/bytes.ts";
import { idOf } from "../base/id.ts";
import type { ShardId } from "../base/id.ts";
import { SHARD_ROW_MAX_BYTES } from "../base/limits.ts";
import { shardIdOf } from "../crypto/hash.node.ts";
import type { BlobWriter, Blobs } from "../ports/blobs.ts";
import { ShardError } from "./error.ts";
import { LeafHasher } from "./leaf-hasher.ts";
import type { CheckedShard } from "./shard-table.ts";

/** An upload that came in whole and is what its id says, but is not kept yet. Exactly one of
 * `keep` and `drop` ends it. */
export interface Arrival {
  shard: CheckedShard;
  /** Makes the blob durable under its id; nothing to do for a shard that becomes a row. */
  keep(): Promise<void>;
  drop(): Promise<void>;
}

/** Takes an upload in and checks it against its id. `isKnown` uploads are only checked, for their
 * bytes are here already. Nothing is left behind when it fails.
 * @throws ShardError SHARD_LENGTH | SHARD_CORRUPT; errors of the store, of `blocks`, of `signal` */
export async function takeIn(
  blobs: Blobs,
  id: ShardId,
  lengthBytes: number,
  isKnown: boolean,
  blocks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Arrival> {
  const isBlob = lengthBytes > SHARD_ROW_MAX_BYTES;
  const writer = isBlob && !isKnown ? await blobs.create(id) : undefined;
  const parts: Uint8Array[] = [];
  try {
    const hasher = new LeafHasher(lengthBytes);
    for await (const block of untilAborted(blocks, signal)) {
      if (hasher.seenBytes + block.length > lengthBytes) {
        throw lengthError(id, lengthBytes, `more than ${lengthBytes}`);
      }
      hasher.update(block);
      if (!isBlob) parts.push(block.slice());
      await writer?.write(block);
    }
    if (hasher.seenBytes < lengthBytes) throw lengthError(id, lengthBytes, `${hasher.seenBytes}`);
    const leafHashes = hasher.finish();
    if (idOf(shardIdOf(lengthBytes, leafHashes)) !== id) {
      throw new ShardError("SHARD_CORRUPT", `shard ${id}: the bytes that came have another id`);
    }
    const bytes = isBlob ? undefined : concatBytes(...parts);
    return arrivalOf({ id, lengthBytes, leafHashes, bytes }, writer);
  } catch (error) {
    await writer?.abort();
    throw error;
  }
}

function arrivalOf(shard: CheckedShard, writer: BlobWriter | undefined): Arrival {
  return {
    shard,
    // What lies under the name without being held is damaged or was never looked at.
    keep: async () => writer?.commit({ replace: true }),
    drop: async () => writer?.abort(),
  };
}

function lengthError(id: ShardId, wanted: number, got: string): ShardError {
  return new ShardError("SHARD_LENGTH", `shard ${id}: ${got} bytes came, ${wanted} were announced`);
}

/** Hands blocks on until the signal is aborted, also while a block that never comes is awaited. */
async function* untilAborted(
  blocks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => undefined);
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort);
  const iterator = blocks[Symbol.asyncIterator]();
  let isDone = false;
  try {
    signal.throwIfAborted();
    while (!isDone) {
      const next = await Promise.race([iterator.next(), aborted]);
      isDone = next.done === true;
      if (next.done !== true) yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    // Not awaited: a source that hangs hangs here too.
    if (!isDone) void iterator.return?.().catch(() => undefined);
  }
}
