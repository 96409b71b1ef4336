import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { MemoryBlobs } from "../adapters/blobs-memory.ts";
import { MemoryClock } from "../adapters/clock-memory.ts";
import { openDatabase } from "../adapters/database.node.ts";
import { MemorySwarm } from "../../tests/memory-swarm.ts";
import { noise } from "../../tests/noise.ts";
import { LIVE, packWorkers } from "../../tests/packing.ts";
import { MIB } from "../base/limits.ts";
import type { Stripe } from "../codec/stripe.ts";
import { ArenaPool } from "../kernels/arena-pool.ts";
import { openChunk } from "../object/chunk.ts";
import { deriveVolumeKeys } from "../object/keys.ts";
import type { StripeCode } from "../object/stripe.ts";
import { canFinish, finishPacks } from "./finish.ts";
import { INDEX_SCHEMA } from "./index/schema.ts";
import { IndexStore } from "./index/store.ts";
import { PACK_ARENA_BYTES } from "./pack/worker.ts";
import { Writer, localPackName } from "./writer.ts";
import type { WriteOptions } from "./writer.ts";

const keys = deriveVolumeKeys(new Uint8Array(32).fill(5));
const arenas = new ArenaPool(PACK_ARENA_BYTES);
const LOCAL: StripeCode = { k: 1, n: 1 };

let swarm: MemorySwarm;
let packs: MemoryBlobs;
let index: IndexStore;
let writer: Writer;
beforeEach(() => {
  swarm = new MemorySwarm(0);
  packs = new MemoryBlobs();
  start();
});

/** A home with an empty index; holders and local packs stay. */
function start(): void {
  index = new IndexStore(openDatabase(":memory:", { schema: INDEX_SCHEMA }));
  const log = { write: () => undefined };
  const workers = packWorkers(index);
  const clock = new MemoryClock();
  writer = new Writer({ index, indexPath: "", keys, swarm, workers, arenas, packs, clock, log });
}

const optionsOf = (code: StripeCode, options: Partial<WriteOptions> = {}): WriteOptions => ({
  code,
  holders: swarm.peers,
  placeMax: 255,
  report: () => undefined,
  ...options,
});

/** Stores chunks of data; each is at most 4 MiB.
 * @returns their names */
async function store(raws: readonly Uint8Array[], options: WriteOptions): Promise<Uint8Array[]> {
  return writer.withSession(options, LIVE, async (session) => {
    const names: Uint8Array[] = [];
    for (const raw of raws) names.push(await session.add("data", raw, LIVE));
    await session.flush(LIVE);
    return names;
  });
}

function finish(options: WriteOptions): Promise<boolean> {
  return writer.withSession(options, LIVE, (session) =>
    finishPacks(index, writer, session, options, LIVE),
  );
}

const stripes = (): Stripe[] => index.packsAfter(0, 1000, false).map(({ stripe }) => stripe);
const placed = ({ shards }: Stripe): number =>
  shards.filter(({ holder }) => holder !== undefined).length;

/** Reads chunks from the holders that the index names. */
function readAll(names: readonly Uint8Array[]): Uint8Array[] {
  return names.map((name) => {
    const place = index.findChunk(name);
    assert.ok(place !== undefined);
    const pack = swarm.packOf(index.pack(place.pack).stripe);
    const sealed = pack.subarray(place.offset, place.offset + place.lengthBytes);
    return new Uint8Array(openChunk(keys, name, sealed));
  });
}

describe("writer", () => {
  test("a stripe lies at n holders and nowhere else", async () => {
    swarm.join(6);
    const raws = [noise(MIB, 1), noise(100, 2)];
    const names = await store(raws, optionsOf({ k: 2, n: 5 }));
    assert.deepEqual(readAll(names), raws);
    assert.deepEqual(stripes().map(placed), [5]);
    assert.equal(packs.blobs.size, 0);
    assert.equal(writer.sentBytes, [...swarm.holders.values()].reduce(bytesOf, 0));
    assert.equal(canFinish(index, optionsOf({ k: 2, n: 5 })), false);
  });

  test("what was sent before the index was lost is not sent again", async () => {
    swarm.join(6);
    const raws = [1, 2, 3, 4, 5, 6].map((seed) => noise(4 * MIB - 10, seed));
    await store(raws, optionsOf({ k: 2, n: 5 }));
    const shards = swarm.shardCount;
    start();
    const names = await store(raws, optionsOf({ k: 2, n: 5 }));
    assert.equal(writer.sentBytes, 0);
    assert.equal(swarm.shardCount, shards);
    assert.deepEqual(readAll(names), raws);
  });

  test("without holders packs lie here, and go out in today's code once there are some", async () => {
    const raws = [noise(3 * MIB, 1), noise(10, 2)];
    const names = await store(raws, optionsOf(LOCAL));
    assert.deepEqual([...packs.blobs.keys()], stripes().map(localPackName));
    assert.equal(canFinish(index, optionsOf(LOCAL)), false);
    swarm.join(5);
    const options = optionsOf({ k: 2, n: 5 });
    assert.equal(canFinish(index, options), true);
    assert.equal(await finish(options), true);
    assert.deepEqual(readAll(names), raws);
    assert.deepEqual(stripes().map(placed), [5]);
    assert.equal(packs.blobs.size, 0);
    assert.equal(canFinish(index, options), false);
    assert.equal(await finish(options), false);
  });

  test("the largest local pack goes out within its slot, in less parity if it must", async () => {
    const raws = Array.from({ length: 11 }, (_, seed) => noise(4 * MIB - 500, seed));
    const names = await store(raws, optionsOf(LOCAL));
    assert.ok(stripes().some(({ packBytes }) => packBytes > 15 * MIB));
    swarm.join(6);
    assert.equal(await finish(optionsOf({ k: 2, n: 6 })), true);
    assert.deepEqual(readAll(names), raws);
    for (const { packBytes, k, n } of stripes()) {
      assert.equal(n, packBytes > 13.4 * MIB ? 5 : 6);
      assert.equal(k, 2);
    }
    assert.equal(canFinish(index, optionsOf({ k: 2, n: 6 })), false);
  });

  test("a copy becomes several as soon as there is a second holder", async () => {
    swarm.join(1);
    const names = await store([noise(1000, 1)], optionsOf(LOCAL));
    assert.deepEqual(stripes().map(placed), [1]);
    assert.equal(packs.blobs.size, 1, "a single copy is not safe");
    swarm.join(2);
    assert.equal(await finish(optionsOf({ k: 1, n: 3 })), true);
    assert.deepEqual(stripes().map(placed), [3]);
    assert.equal(swarm.shardCount, 3, "the first copy stays where it is");
    assert.equal(packs.blobs.size, 0);
    assert.deepEqual(readAll(names), [noise(1000, 1)]);
  });

  test("a put that wants r shards now leaves the others for later, and the pack here", async () => {
    swarm.join(6);
    const raws = [noise(MIB, 1)];
    const names = await store(raws, optionsOf({ k: 2, n: 6 }, { placeMax: 4 }));
    assert.deepEqual(stripes().map(placed), [4]);
    assert.equal(packs.blobs.size, 1);
    const sent = writer.sentBytes;
    assert.equal(await finish(optionsOf({ k: 2, n: 6 })), true);
    assert.deepEqual(stripes().map(placed), [6]);
    assert.equal(writer.sentBytes, sent / 2, "only what was missing is sent");
    assert.equal(packs.blobs.size, 0);
    assert.deepEqual(readAll(names), raws);
  });

  test("a stripe keeps its own code while shards of it are placed, though today's is shorter", async () => {
    swarm.join(8);
    const names = await store([noise(MIB, 1)], optionsOf({ k: 3, n: 8 }, { placeMax: 6 }));
    await finish(optionsOf({ k: 2, n: 5 }));
    assert.deepEqual(
      stripes().map((stripe) => [stripe.k, placed(stripe)]),
      [[3, 8]],
    );
    assert.deepEqual(readAll(names), [noise(MIB, 1)]);
  });

  test("where holders refuse again, nothing changes and nothing is published anew", async () => {
    swarm.join(6);
    const last = swarm.peers.slice(4);
    for (const peer of last) limit(peer, 0);
    await store([noise(MIB, 1)], optionsOf({ k: 2, n: 6 }));
    assert.deepEqual(stripes().map(placed), [4]);
    const ids = index.packsAfter(0, 10, true).map(({ id }) => id);
    index.markPublished(ids);
    assert.equal(await finish(optionsOf({ k: 2, n: 6 })), false);
    assert.deepEqual(index.packsAfter(0, 10, true), []);
    assert.equal(packs.blobs.size, 1);
    for (const peer of last) limit(peer, 9);
    assert.equal(await finish(optionsOf({ k: 2, n: 6 })), true);
    assert.deepEqual(stripes().map(placed), [6]);
  });

  test("a damaged or lost local copy is not spread, the others are", async () => {
    const codes = [1, 2, 3].map((seed) => noise(MIB, seed));
    for (const raw of codes) await store([raw], optionsOf(LOCAL));
    const [damaged, lost] = stripes().map(localPackName);
    const bytes = packs.blobs.get(damaged ?? "");
    assert.ok(bytes !== undefined && lost !== undefined);
    bytes[500_000] = (bytes[500_000] ?? 0) ^ 1;
    packs.blobs.delete(lost);
    swarm.join(4);
    assert.equal(await finish(optionsOf({ k: 2, n: 4 })), true);
    assert.deepEqual(stripes().map(placed), [0, 0, 4]);
    assert.ok(packs.blobs.has(damaged ?? ""), "what is damaged is kept, it may be of use");
  });

  test("a full disk here ends the put, and the index does not name what is nowhere", async () => {
    packs.diskBytes = MIB;
    const raws = [noise(3 * MIB, 1)];
    await assert.rejects(store(raws, optionsOf(LOCAL)), { code: "BLOB_DISK_FULL" });
    assert.deepEqual(stripes(), []);
    assert.equal(packs.blobs.size, 0);
    packs.diskBytes = Number.MAX_SAFE_INTEGER;
    await store(raws, optionsOf(LOCAL));
    assert.equal(stripes().length, 1);
  });

  test("a code that makes too many bytes of a pack is refused with a hint", async () => {
    await assert.rejects(store([noise(10, 1)], optionsOf({ k: 2, n: 30 })), {
      code: "CODE_UNUSABLE",
    });
  });

  test("an abort ends a put that waits for holders", async () => {
    swarm.join(3);
    const abort = new AbortController();
    swarm.storeShard = async () => {
      abort.abort(new Error("enough"));
      throw new Error("connection reset");
    };
    const storing = writer.withSession(optionsOf({ k: 1, n: 3 }), abort.signal, async (session) => {
      await session.add("data", noise(10, 1), abort.signal);
      await session.flush(abort.signal);
    });
    await assert.rejects(storing, /enough/);
    assert.deepEqual(stripes(), []);
  });
});

function bytesOf(sum: number, { shards }: { shards: Map<string, Uint8Array> }): number {
  return [...shards.values()].reduce((total, { length }) => total + length, sum);
}

function limit(peer: string, room: number): void {
  const holder = swarm.holders.get(peer);
  assert.ok(holder !== undefined);
  holder.room = room;
}
