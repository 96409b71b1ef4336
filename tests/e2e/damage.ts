// What lies on the disks of a swarm: which peer holds which shard of which stripe, and damage to
// it.
import { closeSync, openSync, readSync, readdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { idBytes, idOf } from "../../src/base/id.ts";
import { decodeStripe } from "../../src/codec/stripe.ts";
import type { Stripe } from "../../src/codec/stripe.ts";
import type { TestPeer } from "./harness.ts";

const BUSY_MS = 10_000;

/** All stripes that an owner's index names, or those of some kinds of packs. */
export function stripesOf(owner: TestPeer, kinds = ["data", "tree", "index"]): Stripe[] {
  using database = open(owner, "index.db");
  const rows = database
    .prepare("SELECT stripe FROM packs WHERE kind IN (SELECT value FROM json_each(?))")
    .all(JSON.stringify(kinds));
  return rows.map((row) => decodeStripe(row["stripe"] as Uint8Array));
}

/** Ids of the shards that a holder says it holds, with their lengths. */
export function heldBy(holder: TestPeer): Map<string, number> {
  using database = open(holder, "holder.db");
  const rows = database.prepare("SELECT id, length FROM shards WHERE state = 0").all();
  return new Map(rows.map((row) => [idOf(row["id"] as Uint8Array), Number(row["length"])]));
}

/** Everything that all holders hold together: shard ids times places, and their bytes. */
export function totalsOf(holders: readonly TestPeer[]): { places: number; bytes: number } {
  const sum = { places: 0, bytes: 0 };
  for (const holder of holders) {
    using database = open(holder, "holder.db");
    const row = database.prepare("SELECT shards, bytes FROM totals WHERE state = 0").get();
    sum.places += Number(row?.["shards"]);
    sum.bytes += Number(row?.["bytes"]);
  }
  return sum;
}

/** Flips one bit in the middle of a shard where it lies, in a file or in a row.
 * @returns whether the holder has it */
export function flipShard(holder: TestPeer, id: string): boolean {
  using database = open(holder, "holder.db");
  const row = database
    .prepare(
      `SELECT contents.shard, contents.bytes FROM contents
       JOIN shards ON shards.number = contents.shard WHERE shards.id = ?`,
    )
    .get(idBytes(id));
  if (row === undefined) return flipFile(holder, id);
  const bytes = Uint8Array.from(row["bytes"] as Uint8Array);
  const middle = bytes.length >>> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  database
    .prepare("UPDATE contents SET bytes = ? WHERE shard = ?")
    .run(bytes, row["shard"] as number);
  return true;
}

/** The file in which a holder keeps a big shard, or undefined. */
export function shardFile(holder: TestPeer, id: string): string | undefined {
  const store = join(holder.home, "shards");
  const names = readdirSync(store, { recursive: true, encoding: "utf8" });
  const found = names.find((name) => name.endsWith(`/${id}`));
  return found === undefined ? undefined : join(store, found);
}

function flipFile(holder: TestPeer, id: string): boolean {
  const file = shardFile(holder, id);
  if (file === undefined) return false;
  const descriptor = openSync(file, "r+");
  try {
    const byte = new Uint8Array(1);
    const middle = 5_000;
    readSync(descriptor, byte, 0, 1, middle);
    byte[0] = (byte[0] ?? 0) ^ 0x10;
    writeSync(descriptor, byte, 0, 1, middle);
  } finally {
    closeSync(descriptor);
  }
  return true;
}

function open(peer: TestPeer, name: string): DatabaseSync & Disposable {
  return new DatabaseSync(join(peer.home, name), { timeout: BUSY_MS });
}
