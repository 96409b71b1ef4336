import { openBlobs } from "../../src/adapters/blobs.node.ts";
import { systemClock } from "../../src/adapters/clock.node.ts";
import { openDatabase } from "../../src/adapters/database.node.ts";
import { systemRandom } from "../../src/adapters/random.node.ts";
import { HOLDER_SCHEMA } from "../../src/shards/schema.ts";
import { openHolder } from "../../src/shards/holder.ts";
import type { HolderStore } from "../../src/shards/holder.ts";
import type { Database } from "../../src/ports/database.ts";
import { patternOf } from "./blobs.ts";
import { askerOf, holderKey, upload } from "./holder-fixture.ts";

const LANES = 4;

/** The shard of a number: sizes around the border between rows and blobs, and some larger ones. */
export function shardOf(number: number): Uint8Array {
  const sizes = [300, 65_536, 65_537, 400_000, 20_000, 1_300_000];
  return patternOf((sizes[number % sizes.length] ?? 1) + (number % 7), number + 1);
}

/** A holder on the disk, with what it stands on. */
export async function openOnDisk(
  folder: string,
): Promise<{ holder: HolderStore; database: Database }> {
  const database = openDatabase(`${folder}/holder.db`, { schema: HOLDER_SCHEMA });
  const blobs = await openBlobs(`${folder}/shards`, { owner: "test", marker: undefined });
  const holder = openHolder({
    database,
    blobs,
    clock: systemClock,
    random: systemRandom,
    key: holderKey,
    spaceBytes: () => Number.MAX_SAFE_INTEGER,
    log: { write: () => undefined },
  });
  return { holder, database };
}

/** Stores shard after shard and prints the number of each acknowledged one, until it is killed. */
async function storeForever(folder: string, first: number): Promise<void> {
  const { holder } = await openOnDisk(folder);
  const clock = { today: () => Math.floor(Date.now() / 86_400_000) };
  let next = first;
  const lane = async (): Promise<void> => {
    for (;;) {
      const number = next++;
      await upload({ holder, clock }, askerOf(1), shardOf(number));
      process.stdout.write(`${number}\n`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

if (import.meta.main) await storeForever(process.argv[2] ?? "", Number(process.argv[3]));
