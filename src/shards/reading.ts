import { codeOf, messageOf } from "../base/error.ts";
import { parseId } from "../base/id.ts";
import type { AccountId, ShardId } from "../base/id.ts";
import { LEAF_BYTES } from "../base/limits.ts";
import type { ShardReading } from "../ports/holder.ts";
import { ShardError, shardErrorOf } from "./error.ts";
import { examine } from "./scrub.ts";
import type { Premises } from "./scrub.ts";
import { LeafMismatch } from "./shard-reader.ts";
import type { ShardRow, ShardTable } from "./shard-table.ts";

export interface ShardRange {
  start: number;
  end: number;
  proof: boolean;
}

/** A shard that is held for an account. Who has no lease learns nothing of others' shards. */
export function findHeld(table: ShardTable, account: AccountId, id: ShardId): ShardRow | undefined {
  return parseId(id) === undefined ? undefined : table.findHeld(account, id);
}

/** Reads a range of a shard, cut at its end; see the port. What turns out to be damaged is set
 * aside.
 * @throws ShardError SHARD_MISSING | SHARD_RANGE; errors of the store */
export async function readShard(
  premises: Premises,
  account: AccountId,
  id: ShardId,
  range: ShardRange | undefined,
  signal: AbortSignal,
): Promise<ShardReading> {
  const { table, reader } = premises;
  let row = findHeld(table, account, id);
  if (row !== undefined) {
    const isSound = (await reader.isThere(row)) && reader.leafHashes(row) !== undefined;
    if (!isSound) await examine(premises, id);
    row = findHeld(table, account, id);
  }
  const leafHashes = row === undefined ? undefined : reader.leafHashes(row);
  if (row === undefined || leafHashes === undefined) {
    throw new ShardError("SHARD_MISSING", `shard ${id}: is not held for you`);
  }
  const { lengthBytes } = row;
  const start = range?.start ?? 0;
  const end = Math.min(range?.end ?? lengthBytes, lengthBytes);
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || start >= end) {
    const message = `shard ${id}: has ${lengthBytes} bytes, not ${start} to ${range?.end ?? end}`;
    throw new ShardError("SHARD_RANGE", message);
  }
  const [from, to] = range?.proof === true ? widen(start, end, lengthBytes) : [start, end];
  return { lengthBytes, leafHashes, blocks: blocksOf(premises, row, leafHashes, from, to, signal) };
}

async function* blocksOf(
  premises: Premises,
  row: ShardRow,
  hashes: Uint8Array,
  start: number,
  end: number,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  let at = start;
  for (let attempt = 1; at < end; attempt++) {
    try {
      for await (const block of premises.reader.blocks(row, hashes, at, end)) {
        signal.throwIfAborted();
        yield block;
        at += block.length;
      }
    } catch (error) {
      const isDamage = error instanceof LeafMismatch || codeOf(error) === "BLOB_FAILED";
      if (!isDamage) throw shardErrorOf(error, row.id);
      // A second look tells bad bytes on the disk from a bad moment on the way.
      const after = await examine(premises, row.id);
      if (after?.state === "held" && attempt === 1) continue;
      throw new ShardError("SHARD_CORRUPT", messageOf(error), { cause: error });
    }
  }
}

/** A range widened to the borders of leaves, so that its bytes can be proven. */
function widen(start: number, end: number, lengthBytes: number): [number, number] {
  const first = Math.floor(start / LEAF_BYTES) * LEAF_BYTES;
  return [first, Math.min(lengthBytes, Math.ceil(end / LEAF_BYTES) * LEAF_BYTES)];
}
