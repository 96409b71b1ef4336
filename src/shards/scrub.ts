import type { ShardId } from "../base/id.ts";
import { epochOf, parseId } from "../base/id.ts";
import {
  SCRUB_CORRUPT_MAX,
  SCRUB_PAGE_SHARDS,
  SHARD_MAX_BYTES,
  UNLEASED_EPOCHS,
} from "../base/limits.ts";
import type { Blobs } from "../ports/blobs.ts";
import type { Clock } from "../ports/clock.ts";
import type { ScrubReport } from "../ports/holder.ts";
import type { Log } from "../ports/log.ts";
import type { KeyLock } from "./key-lock.ts";
import type { ShardReader } from "./shard-reader.ts";
import type { ShardRow, ShardTable } from "./shard-table.ts";

/** What the walks over all shards need of the holder. */
export interface Premises {
  table: ShardTable;
  blobs: Blobs;
  reader: ShardReader;
  lock: KeyLock;
  clock: Clock;
  log: Log;
}

/** Looks at every byte of a shard and sets the database right: damaged ones are set aside, sound
 * ones that were set aside are held again, lost leaf hashes are made anew.
 * @returns the shard as it is now; undefined if there is none
 * @throws errors of a store that is away */
export async function examine(premises: Premises, id: ShardId): Promise<ShardRow | undefined> {
  const { table, reader, lock, clock, log } = premises;
  return lock.run(id, async () => {
    const row = table.find(id);
    if (row === undefined) return undefined;
    const hashes = await reader.rehash(row);
    const epoch = epochOf(clock.nowMs());
    if (hashes === undefined) {
      if (row.state === "held") log.write("error", "shard set aside", { shard: id });
      if (row.state !== "aside") table.setState(row.number, "aside", epoch);
      return { ...row, state: "aside" };
    }
    if (reader.leafHashes(row) === undefined) table.setLeafHashes(row.number, hashes);
    if (row.state !== "aside") return row;
    const state = table.isLeased(id) ? "held" : "orphan";
    log.write("info", "shard sound again", { shard: id });
    table.setState(row.number, state, epoch);
    return { ...row, state };
  });
}

/** Checks every shard, takes in blobs that the database does not know, and removes what has been
 * without a lease or damaged for long enough. Memory is bounded by a page of rows.
 * @throws the signal's reason */
export async function scrub(premises: Premises, signal: AbortSignal): Promise<ScrubReport> {
  const { table, clock } = premises;
  await adoptBlobs(premises, signal);
  const report: ScrubReport = { shards: 0, bytes: 0, corrupt: [] };
  let rows = table.page(0, SCRUB_PAGE_SHARDS);
  while (rows.length > 0) {
    let last = 0;
    for (const row of rows) {
      signal.throwIfAborted();
      last = row.number;
      const after = await examine(premises, row.id);
      report.shards++;
      report.bytes += row.lengthBytes;
      const isFound = row.state !== "aside" && after?.state === "aside";
      if (isFound && report.corrupt.length < SCRUB_CORRUPT_MAX) report.corrupt.push(row.id);
    }
    // Small shards are read without waiting for a disk: others get their turn here.
    await clock.sleep(1, signal);
    rows = table.page(last, SCRUB_PAGE_SHARDS);
  }
  await removeUnleased(premises, signal);
  return report;
}

/** Takes in blobs without a row: what an unclean stop left between a blob and its row, and
 * everything when the database was lost. They are kept until their owners ask for them. */
export async function adoptBlobs(premises: Premises, signal: AbortSignal): Promise<number> {
  const { table, blobs, lock, clock, log } = premises;
  let adopted = 0;
  for await (const { name, sizeBytes } of blobs.list()) {
    signal.throwIfAborted();
    if (parseId(name) === undefined || sizeBytes === 0 || sizeBytes > SHARD_MAX_BYTES) continue;
    if (table.find(name) !== undefined) continue;
    // An upload may be between its blob and its row just now: it holds the lock.
    await lock.run(name, async () => {
      if (table.find(name) !== undefined) return;
      table.adopt(name, sizeBytes, epochOf(clock.nowMs()));
      adopted++;
    });
  }
  if (adopted > 0) log.write("warn", "blobs without a lease taken in", { shards: adopted });
  return adopted;
}

async function removeUnleased(premises: Premises, signal: AbortSignal): Promise<void> {
  const { table, blobs, lock, clock, log } = premises;
  const before = epochOf(clock.nowMs()) - UNLEASED_EPOCHS;
  let rows = table.unleasedBefore(before, SCRUB_PAGE_SHARDS);
  while (rows.length > 0) {
    for (const { id, number } of rows) {
      signal.throwIfAborted();
      await lock.run(id, async () => {
        // It may have become held meanwhile.
        if (table.find(id)?.state === "held") return;
        // The row last: a blob without a row would be taken in again as a new orphan.
        await blobs.remove(id);
        table.remove(number);
        log.write("info", "shard without a lease removed", { shard: id });
      });
    }
    rows = table.unleasedBefore(before, SCRUB_PAGE_SHARDS);
  }
}
