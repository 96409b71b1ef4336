import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryBlobs } from "../adapters/blobs-memory.ts";
import { patternOf } from "../../tests/contracts/blobs.ts";
import {
  askerOf,
  blocksOf,
  bytesOf,
  holderOf,
  idOfShard,
  never,
  ticketFor,
  upload,
} from "../../tests/contracts/holder-fixture.ts";
import type { Fixture } from "../../tests/contracts/holder-fixture.ts";
import { equalBytes } from "../base/bytes.ts";
import { DAY_MS, idBytes } from "../base/id.ts";
import { UNLEASED_EPOCHS } from "../base/limits.ts";

const ALICE = askerOf(1);
const BOB = askerOf(2);
const BIG = 1_100_000;

const fresh = (): Fixture => holderOf({ blobs: new MemoryBlobs() });

/** Changes one bit of a blob on the disk. */
function flip({ blobs }: Fixture, id: string, at: number): void {
  const bytes = blobs.blobs.get(id);
  assert.ok(bytes);
  bytes[at] = (bytes[at] ?? 0) ^ 4;
}

async function readAll({ holder }: Fixture, id: string): Promise<Uint8Array> {
  return bytesOf(await holder.read(ALICE, id));
}

/** The bytes that come out of a reading before it fails. */
async function readUntilError(
  { holder }: Fixture,
  id: string,
): Promise<{ bytes: number; code: unknown }> {
  let bytes = 0;
  try {
    for await (const block of (await holder.read(ALICE, id)).blocks) bytes += block.length;
  } catch (error) {
    assert.ok(error instanceof Error && "code" in error);
    return { bytes, code: error.code };
  }
  return { bytes, code: undefined };
}

test("every flipped byte of a small shard is found, and none comes out", async () => {
  const fixture = fresh();
  const { database } = fixture;
  const bytes = patternOf(3000);
  const id = idOfShard(bytes);
  await upload(fixture, ALICE, bytes);
  const hold = (content: Uint8Array): void => {
    database.run("UPDATE contents SET bytes = ?", content);
    database.run("UPDATE shards SET state = 0");
  };
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice();
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
    hold(damaged);
    const result = await readUntilError(fixture, id);
    assert.deepEqual(result, { bytes: 0, code: "SHARD_CORRUPT" }, `byte ${at}`);
  }
  hold(bytes);
  assert.ok(equalBytes(await readAll(fixture, id), bytes));
});

test("a damaged blob ends the stream before its bad leaf, and is no longer held", async () => {
  const fixture = fresh();
  const bytes = patternOf(BIG);
  const id = idOfShard(bytes);
  await upload(fixture, ALICE, bytes);
  flip(fixture, id, 700_000);
  const result = await readUntilError(fixture, id);
  assert.equal(result.code, "SHARD_CORRUPT");
  assert.ok(result.bytes <= 700_000);
  assert.deepEqual(fixture.holder.has(ALICE, [id]), [false]);
  assert.deepEqual(fixture.holder.list(ALICE, undefined, 10), []);
  await assert.rejects(fixture.holder.read(ALICE, id), { code: "SHARD_MISSING" });
  const { shards, aside } = fixture.holder.usage();
  assert.deepEqual([shards, aside], [0, 1]);
  assert.ok(fixture.events.includes("shard set aside"));
});

test("reading beside the damage goes on", async () => {
  const fixture = fresh();
  const bytes = patternOf(BIG);
  const id = idOfShard(bytes);
  await upload(fixture, ALICE, bytes);
  flip(fixture, id, BIG - 1);
  const range = { start: 10, end: 500, proof: false };
  const reading = await fixture.holder.read(ALICE, id, range);
  assert.ok(equalBytes(await bytesOf(reading), bytes.slice(10, 500)));
});

test("good bytes replace damaged and missing ones, in rows and in blobs", async () => {
  const breaks = [
    (fixture: Fixture, id: string) => fixture.blobs.blobs.delete(id),
    (fixture: Fixture, id: string) => fixture.blobs.blobs.set(id, patternOf(10)),
    (fixture: Fixture, id: string) => flip(fixture, id, 5),
    (fixture: Fixture) => fixture.database.run("UPDATE contents SET bytes = x'00'"),
    (fixture: Fixture) => fixture.database.run("DELETE FROM contents"),
  ];
  for (const [index, break_] of breaks.entries()) {
    const fixture = fresh();
    const bytes = patternOf(index < 3 ? 100_000 : 100);
    const id = idOfShard(bytes);
    await upload(fixture, ALICE, bytes);
    await upload(fixture, BOB, bytes);
    break_(fixture, id);
    // Nobody can see a flipped bit without looking; a reader does.
    if (index === 2) assert.equal((await readUntilError(fixture, id)).code, "SHARD_CORRUPT");
    const ticket = await ticketFor(fixture.holder, ALICE, id, bytes.length, fixture.clock.today());
    assert.deepEqual(fixture.holder.has(BOB, [id]), [false]);
    await fixture.holder.store(ALICE, id, ticket, blocksOf(bytes), never);
    assert.ok(equalBytes(await readAll(fixture, id), bytes), `break ${index}`);
    assert.deepEqual(fixture.holder.has(BOB, [id]), [true], "the other's lease lives on");
    const { shards, aside, bytes: used } = fixture.holder.usage();
    assert.deepEqual([shards, aside, used], [1, 0, bytes.length]);
  }
});

test("a bad moment on the way is no damage", async () => {
  const fixture = fresh();
  const bytes = patternOf(BIG);
  const id = idOfShard(bytes);
  await upload(fixture, ALICE, bytes);
  const { blobs } = fixture;
  const read = blobs.read.bind(blobs);
  let reads = 0;
  blobs.read = async (name, offset, target) => {
    const count = await read(name, offset, target);
    if (++reads === 2) target[7] = (target[7] ?? 0) ^ 1;
    return count;
  };
  assert.ok(equalBytes(await readAll(fixture, id), bytes));
  assert.equal(fixture.holder.usage().shards, 1);
});

test("a store that is away harms no shard", async () => {
  const fixture = fresh();
  const bytes = patternOf(BIG);
  const id = idOfShard(bytes);
  await upload(fixture, ALICE, bytes);
  fixture.blobs.isGone = true;
  await assert.rejects(fixture.holder.read(ALICE, id), { code: "STORE_FAILED" });
  await assert.rejects(fixture.holder.scrub(never), { code: "STORE_FAILED" });
  const wish = { id, lengthBytes: BIG };
  const [grant] = await fixture.holder.reserve(ALICE, [wish], fixture.clock.today());
  assert.ok(grant?.outcome === "refused" && grant.code === "STORE_FAILED");
  fixture.blobs.isGone = false;
  assert.ok(equalBytes(await readAll(fixture, id), bytes));
});

test("leaf hashes that broke in the database are made anew from good bytes", async () => {
  for (const size of [100, BIG]) {
    for (const sql of ["UPDATE leaves SET hashes = zeroblob(32)", "DELETE FROM leaves"]) {
      const fixture = fresh();
      const bytes = patternOf(size);
      await upload(fixture, ALICE, bytes);
      fixture.database.run(sql);
      assert.ok(equalBytes(await readAll(fixture, idOfShard(bytes)), bytes), sql);
    }
  }
});

test("scrub() finds every damaged shard and names it once", async () => {
  const fixture = fresh();
  const sizeOf = (n: number): number => (n % 2 === 1 ? 500 + n : 66_000 + n);
  const shards = Array.from({ length: 150 }, (_, n) => patternOf(sizeOf(n), n + 1));
  for (const bytes of shards) await upload(fixture, ALICE, bytes);
  const bad = [0, 6, 148].map((n) => idOfShard(shards[n] ?? new Uint8Array(0)));
  flip(fixture, bad[0] ?? "", 65_999);
  flip(fixture, bad[1] ?? "", 0);
  fixture.blobs.blobs.delete(bad[2] ?? "");
  const small = idOfShard(shards[7] ?? new Uint8Array(0));
  const inContents = "UPDATE contents SET bytes = zeroblob(length(bytes)) WHERE shard = ?";
  const number = fixture.database.get("SELECT number FROM shards WHERE id = ?", idBytes(small));
  fixture.database.run(inContents, number?.["number"] ?? null);
  const report = await fixture.holder.scrub(never);
  assert.equal(report.shards, 150);
  assert.equal(
    report.bytes,
    shards.reduce((sum, { length }) => sum + length, 0),
  );
  assert.deepEqual(report.corrupt.sort(), [...bad, small].sort());
  assert.deepEqual((await fixture.holder.scrub(never)).corrupt, []);
  assert.equal(fixture.holder.usage().aside, 4);
  // What turns out to be sound again is held again.
  flip(fixture, bad[1] ?? "", 0);
  await fixture.holder.scrub(never);
  assert.deepEqual(fixture.holder.has(ALICE, [bad[1] ?? ""]), [true]);
});

test("scrub() stops when it is told to", async () => {
  const fixture = fresh();
  await upload(fixture, ALICE, patternOf(10));
  const reason = new Error("enough");
  await assert.rejects(fixture.holder.scrub(AbortSignal.abort(reason)), reason);
});

test("without the database blobs are orphans until their owner comes back", async () => {
  const first = fresh();
  const bytes = patternOf(BIG);
  const id = idOfShard(bytes);
  await upload(first, ALICE, bytes);
  await upload(first, ALICE, patternOf(10));
  first.blobs.blobs.set("not-an-id", patternOf(10));
  const fixture = holderOf({ blobs: first.blobs, spaceBytes: BIG });
  // The walk over the blobs goes on meanwhile; a scrub has seen all of them.
  await fixture.holder.scrub(never);
  const { shards, orphans, bytes: used } = fixture.holder.usage();
  assert.deepEqual([shards, orphans, used], [0, 1, BIG]);
  await assert.rejects(fixture.holder.read(ALICE, id), { code: "SHARD_MISSING" });
  // Its space is counted already: the owner can replace it in a holder that is full.
  const ticket = await ticketFor(fixture.holder, ALICE, id, BIG, fixture.clock.today());
  const wrong = fixture.holder.store(ALICE, id, ticket, blocksOf(patternOf(BIG, 9)), never);
  await assert.rejects(wrong, { code: "SHARD_CORRUPT" });
  await upload(fixture, ALICE, bytes);
  assert.ok(equalBytes(await readAll(fixture, id), bytes));
  assert.equal(fixture.holder.usage().orphans, 0);
});

test("openHolder() takes blobs without a row in by itself, unless the stop was clean", async () => {
  for (const isClean of [false, true]) {
    const first = fresh();
    if (isClean) await first.holder.close();
    const bytes = patternOf(BIG);
    first.blobs.blobs.set(idOfShard(bytes), bytes);
    const { blobs, database, clock } = first;
    const fixture = holderOf({ blobs, database, clock });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(fixture.holder.usage().orphans, isClean ? 0 : 1);
  }
});

test("scrub() removes orphans and damaged shards that nobody asked for in a month", async () => {
  const fixture = fresh();
  const [orphan, damaged, sound] = [patternOf(BIG, 1), patternOf(BIG, 2), patternOf(BIG, 3)];
  fixture.blobs.blobs.set(idOfShard(orphan), orphan);
  await upload(fixture, ALICE, damaged);
  await upload(fixture, ALICE, sound);
  flip(fixture, idOfShard(damaged), 0);
  await fixture.holder.scrub(never);
  fixture.clock.timeMs += UNLEASED_EPOCHS * DAY_MS;
  await fixture.holder.scrub(never);
  assert.equal(fixture.holder.usage().bytes, 3 * BIG);
  fixture.clock.timeMs += DAY_MS;
  await fixture.holder.scrub(never);
  const { bytes, orphans, aside, shards } = fixture.holder.usage();
  assert.deepEqual([bytes, orphans, aside, shards], [BIG, 0, 0, 1]);
  assert.deepEqual([...fixture.blobs.blobs.keys()], [idOfShard(sound)]);
  await upload(fixture, ALICE, damaged);
});

test("a full disk is DISK_FULL and leaves nothing, reading goes on", async () => {
  const blobs = new MemoryBlobs(20 * 1024 * 1024);
  const fixture = holderOf({ blobs });
  const bytes = patternOf(BIG);
  await upload(fixture, ALICE, bytes);
  const next = patternOf(BIG, 2);
  const wish = { id: idOfShard(next), lengthBytes: BIG };
  const ticket = await ticketFor(fixture.holder, ALICE, wish.id, BIG, fixture.clock.today());
  blobs.blobs.set("filler", new Uint8Array(20 * 1024 * 1024 - 2 * BIG + 1));
  const stored = fixture.holder.store(ALICE, wish.id, ticket, blocksOf(next), never);
  await assert.rejects(stored, { code: "DISK_FULL" });
  assert.equal(blobs.blobs.size, 2);
  const [grant] = await fixture.holder.reserve(ALICE, [wish], fixture.clock.today());
  assert.ok(grant?.outcome === "refused" && grant.code === "DISK_FULL");
  assert.ok(equalBytes(await readAll(fixture, idOfShard(bytes)), bytes));
  blobs.blobs.delete("filler");
  await upload(fixture, ALICE, next);
});

test("a full database is DISK_FULL, and no blob without a row stays", async () => {
  const fixture = fresh();
  const { database, blobs } = fixture;
  const bytes = patternOf(BIG);
  await upload(fixture, ALICE, bytes);
  const pages = database.get("PRAGMA page_count")?.["page_count"];
  database.exec(`PRAGMA max_page_count = ${String(pages)}`);
  let refused = 0;
  for (let n = 2; n < 20; n++) {
    for (const size of [60_000, BIG]) {
      await upload(fixture, ALICE, patternOf(size, n)).catch((error: unknown) => {
        assert.ok(error instanceof Error && "code" in error && error.code === "DISK_FULL");
        refused++;
      });
    }
  }
  assert.ok(refused > 20);
  const { shards } = fixture.holder.usage();
  assert.equal(shards, 37 - refused);
  const blobRows = database.get("SELECT count(*) AS n FROM shards WHERE place = 1")?.["n"];
  assert.equal(blobs.blobs.size, blobRows);
  assert.ok(equalBytes(await readAll(fixture, idOfShard(bytes)), bytes));
  database.exec("PRAGMA max_page_count = 100000");
  await upload(fixture, ALICE, patternOf(BIG, 99));
});

test("a failed sync refuses uploads from then on, and reading goes on", async () => {
  const fixture = fresh();
  const bytes = patternOf(BIG);
  await upload(fixture, ALICE, bytes);
  fixture.blobs.failsSync = true;
  await assert.rejects(upload(fixture, ALICE, patternOf(BIG, 2)), { code: "STORE_FAILED" });
  fixture.blobs.failsSync = false;
  await assert.rejects(upload(fixture, ALICE, patternOf(BIG, 3)), { code: "STORE_READ_ONLY" });
  assert.ok(equalBytes(await readAll(fixture, idOfShard(bytes)), bytes));
});
