import { randomBytes } from "node:crypto";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBlobs } from "../src/adapters/blobs.node.ts";
import { systemClock } from "../src/adapters/clock.node.ts";
import { openDatabase } from "../src/adapters/database.node.ts";
import { systemRandom } from "../src/adapters/random.node.ts";
import { AlignedPool } from "../src/base/aligned.ts";
import { epochOf, idOf } from "../src/base/id.ts";
import { BLOCK_BYTES, MIB } from "../src/base/limits.ts";
import { leafHashes, shardIdOf } from "../src/crypto/hash.node.ts";
import { signingKeyOf } from "../src/crypto/sign.node.ts";
import { openHolder } from "../src/shards/holder.ts";
import { HOLDER_SCHEMA } from "../src/shards/schema.ts";

/** Stores and reads back shards through one holder in this process, without any network, beside a
 * floor that only writes the same bytes as files through the page cache and syncs them.
 * `node bench/holder.ts [MiB in all] [bytes a shard] [uploads at once]`: one line of JSON each. */
const [totalMib = 1024, shardBytes = 3_355_444, parallel = 4] = process.argv.slice(2).map(Number);
const count = Math.ceil((totalMib * MIB) / shardBytes);
const folder = await mkdtemp(join(tmpdir(), "holdfast-bench-"));

interface Cost {
  seconds: number;
  cpuSeconds: number;
}

async function measure(work: () => Promise<void>): Promise<Cost> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
}

function print(bench: string, { seconds, cpuSeconds }: Cost, floor?: Cost): void {
  const mib = (count * shardBytes) / MIB;
  console.log(
    JSON.stringify({
      bench,
      seconds: Number(seconds.toFixed(3)),
      mbps: Math.round((count * shardBytes) / 1e6 / seconds),
      cpuSeconds: Number(cpuSeconds.toFixed(3)),
      cpuSecondsPerGib: Number(((cpuSeconds * 1024) / mib).toFixed(3)),
      ...(floor === undefined ? {} : { floorRatio: Number((floor.seconds / seconds).toFixed(2)) }),
      peakRssMib: Math.round(process.resourceUsage().maxRSS / 1024),
    }),
  );
}

/** Runs `work` for every shard's number, several at once. */
async function forEach(work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: parallel }, lane));
}

const random = randomBytes(shardBytes);
/** One shard's bytes, different for every number: the first eight bytes are the number. */
async function* blocksOf(index: number): AsyncIterable<Uint8Array> {
  const first = new Uint8Array(Math.min(BLOCK_BYTES, shardBytes));
  first.set(random.subarray(0, first.length));
  new DataView(first.buffer).setUint32(0, index, true);
  yield first;
  for (let at = BLOCK_BYTES; at < shardBytes; at += BLOCK_BYTES) {
    yield random.subarray(at, at + BLOCK_BYTES);
  }
}

const scratch = new AlignedPool(1, Math.ceil(shardBytes / 4096) * 4096).take();
function idOfShard(index: number): string {
  const bytes = scratch?.subarray(0, shardBytes) ?? new Uint8Array(0);
  bytes.set(random);
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, index, true);
  return idOf(shardIdOf(shardBytes, leafHashes(bytes)));
}

try {
  const database = openDatabase(join(folder, "holder.db"), { schema: HOLDER_SCHEMA });
  const blobs = await openBlobs(join(folder, "shards"), { owner: "bench", marker: undefined });
  const holder = openHolder({
    database,
    blobs,
    clock: systemClock,
    random: systemRandom,
    key: signingKeyOf(systemRandom.bytes(32)),
    spaceBytes: () => Number.MAX_SAFE_INTEGER,
    log: { write: () => undefined },
  });
  const asker = { peer: idOf(systemRandom.bytes(32)), account: idOf(systemRandom.bytes(32)) };
  const epoch = epochOf(Date.now());
  const signal = new AbortController().signal;
  const ids = Array.from({ length: count }, (_, index) => idOfShard(index));

  const floor = await measure(() =>
    forEach(async (index) => {
      await using file = await open(join(folder, `floor-${index}`), "wx");
      for await (const block of blocksOf(index)) await file.write(block);
      await file.sync();
    }),
  );
  print("holder-floor", floor);
  const stored = await measure(() =>
    forEach(async (index) => {
      const id = ids[index] ?? "";
      const [grant] = await holder.reserve(asker, [{ id, lengthBytes: shardBytes }], epoch);
      if (grant?.outcome !== "granted") throw new Error(JSON.stringify(grant));
      await holder.store(asker, id, grant.ticket, blocksOf(index), signal);
    }),
  );
  print("holder-store", stored, floor);
  const read = await measure(() =>
    forEach(async (index) => {
      const { blocks } = await holder.read(asker, ids[index] ?? "");
      let lengthBytes = 0;
      for await (const block of blocks) lengthBytes += block.length;
      if (lengthBytes !== shardBytes) throw new Error("a shard came back short");
    }),
  );
  print("holder-read", read);
  print("holder-scrub", await measure(async () => void (await holder.scrub(signal))));
  await holder.close();
  database.close();
} finally {
  await rm(folder, { recursive: true });
}
