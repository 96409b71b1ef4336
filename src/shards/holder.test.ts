import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryBlobs } from "../adapters/blobs-memory.ts";
import { patternOf } from "../../tests/contracts/blobs.ts";
import {
  askerOf,
  blocksOf,
  bytesOf,
  holderKey,
  holderOf,
  idOfShard,
  never,
  ticketFor,
  upload,
} from "../../tests/contracts/holder-fixture.ts";
import type { Fixture } from "../../tests/contracts/holder-fixture.ts";
import { equalBytes } from "../base/bytes.ts";
import { DAY_MS, idOf } from "../base/id.ts";
import { LEAF_BYTES, LEASE_EPOCHS, SHARD_ROW_MAX_BYTES } from "../base/limits.ts";
import { decodeReceipt } from "../codec/receipt.ts";
import { openEnvelope } from "../crypto/envelope.ts";
import { shardIdOf } from "../crypto/hash.node.ts";

const ALICE = askerOf(1);
const BOB = askerOf(2);
const SIZES = [
  ...[1, LEAF_BYTES - 1, LEAF_BYTES, LEAF_BYTES + 1],
  ...[SHARD_ROW_MAX_BYTES, SHARD_ROW_MAX_BYTES + 1, 262_144, 524_288, 524_289, 1_300_017],
];

const fresh = (spaceBytes?: number): Fixture =>
  holderOf({ blobs: new MemoryBlobs(), ...(spaceBytes === undefined ? {} : { spaceBytes }) });

test("store() keeps shards of all sizes, read() gives them back with their proof", async () => {
  const fixture = fresh();
  for (const size of SIZES) {
    const bytes = patternOf(size, size);
    const id = idOfShard(bytes);
    await upload(fixture, ALICE, bytes);
    const reading = await fixture.holder.read(ALICE, id);
    assert.equal(reading.lengthBytes, size);
    assert.equal(idOf(shardIdOf(size, reading.leafHashes)), id);
    assert.ok(equalBytes(await bytesOf(reading), bytes), `size ${size}`);
  }
  const { shards, bytes, accounts } = fixture.holder.usage();
  const sum = SIZES.reduce((total, size) => total + size, 0);
  assert.deepEqual({ shards, bytes, accounts }, { shards: SIZES.length, bytes: sum, accounts: 1 });
});

test("store() answers with a receipt that says who keeps what for whom until when", async () => {
  const fixture = fresh();
  const bytes = patternOf(100);
  const { signer, body } = openEnvelope("receipt", await upload(fixture, ALICE, bytes));
  assert.deepEqual(new Uint8Array(signer), holderKey.publicKey);
  const epoch = fixture.clock.today();
  assert.deepEqual(decodeReceipt(body), {
    holder: idOf(holderKey.publicKey),
    account: ALICE.account,
    shard: idOfShard(bytes),
    lengthBytes: 100,
    epoch,
    leaseUntilEpoch: epoch + LEASE_EPOCHS,
  });
});

test("read() gives any range, widened to leaves for a proof", async () => {
  const fixture = fresh();
  for (const size of [40_000, 1_300_017]) {
    const bytes = patternOf(size);
    const id = idOfShard(bytes);
    await upload(fixture, ALICE, bytes);
    const edges = [0, 1, LEAF_BYTES, LEAF_BYTES + 1, size - 1, size].concat(
      size > 600_000 ? [262_144, 524_288, 540_000] : [],
    );
    for (const start of edges) {
      for (const end of [...edges, size + 99]) {
        if (start >= Math.min(end, size)) {
          const range = { start, end, proof: false };
          await assert.rejects(fixture.holder.read(ALICE, id, range), { code: "SHARD_RANGE" });
          continue;
        }
        const plain = await fixture.holder.read(ALICE, id, { start, end, proof: false });
        assert.ok(equalBytes(await bytesOf(plain), bytes.slice(start, end)), `${start}-${end}`);
        const proof = await fixture.holder.read(ALICE, id, { start, end, proof: true });
        const first = Math.floor(start / LEAF_BYTES) * LEAF_BYTES;
        const last = Math.ceil(Math.min(end, size) / LEAF_BYTES) * LEAF_BYTES;
        assert.ok(equalBytes(await bytesOf(proof), bytes.slice(first, last)), `${start}-${end}`);
      }
    }
    for (const start of [-1, 0.5, Number.NaN]) {
      const range = { start, end: 10, proof: false };
      await assert.rejects(fixture.holder.read(ALICE, id, range), { code: "SHARD_RANGE" });
    }
  }
});

test("reserve() of a shard that is held for the account gives a newer receipt", async () => {
  const fixture = fresh();
  const bytes = patternOf(70_000);
  await upload(fixture, ALICE, bytes);
  fixture.clock.timeMs += 3 * DAY_MS;
  const epoch = fixture.clock.today();
  const wish = { id: idOfShard(bytes), lengthBytes: bytes.length };
  const [grant] = await fixture.holder.reserve(ALICE, [wish], epoch);
  assert.ok(grant?.outcome === "held");
  const receipt = decodeReceipt(openEnvelope("receipt", grant.receipt).body);
  assert.equal(receipt.leaseUntilEpoch, epoch + LEASE_EPOCHS);
  const until = fixture.database.get("SELECT until FROM leases")?.["until"];
  assert.equal(until, epoch + LEASE_EPOCHS);
});

test("a second account gets a shard only by uploading it, and it is kept once", async () => {
  for (const size of [100, 100_000]) {
    const fixture = fresh();
    const bytes = patternOf(size);
    const id = idOfShard(bytes);
    await upload(fixture, ALICE, bytes);
    await assert.rejects(fixture.holder.read(BOB, id), { code: "SHARD_MISSING" });
    const ticket = await ticketFor(fixture.holder, BOB, id, size, fixture.clock.today());
    const wrong = bytes.map((byte, index) => (index === size - 1 ? byte ^ 1 : byte));
    const lie = fixture.holder.store(BOB, id, ticket, blocksOf(wrong), never);
    await assert.rejects(lie, { code: "SHARD_CORRUPT" });
    assert.deepEqual(fixture.holder.has(BOB, [id]), [false]);
    await upload(fixture, BOB, bytes);
    for (const asker of [ALICE, BOB]) {
      assert.ok(equalBytes(await bytesOf(await fixture.holder.read(asker, id)), bytes));
    }
    const { shards, bytes: usedBytes, accounts } = fixture.holder.usage();
    assert.deepEqual([shards, usedBytes, accounts], [1, size, 2]);
  }
});

test("who has no lease gets the same answer for a known id and an unknown one", async () => {
  const fixture = fresh();
  const bytes = patternOf(100);
  await upload(fixture, ALICE, bytes);
  const messageFor = async (id: string): Promise<string> => {
    const error: unknown = await fixture.holder.read(BOB, id).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof Error);
    return error.message.replace(id, "ID");
  };
  const known = await messageFor(idOfShard(bytes));
  assert.equal(await messageFor(idOfShard(patternOf(101))), known);
  assert.equal(await messageFor("no id at all"), known);
  assert.deepEqual(fixture.holder.has(BOB, [idOfShard(bytes), "no id"]), [false, false]);
  assert.deepEqual(fixture.holder.list(BOB, undefined, 10), []);
});

test("store() refuses wrong, short and long uploads and leaves nothing behind", async () => {
  for (const size of [100, 100_000, 1_100_000]) {
    const fixture = fresh();
    const bytes = patternOf(size);
    const id = idOfShard(bytes);
    const flipped = bytes.slice();
    flipped[size >> 1] = (flipped[size >> 1] ?? 0) ^ 0x10;
    const uploads = [
      [flipped, "SHARD_CORRUPT"],
      [bytes.slice(0, -1), "SHARD_LENGTH"],
      [new Uint8Array(0), "SHARD_LENGTH"],
      [Buffer.concat([bytes, Buffer.of(0)]), "SHARD_LENGTH"],
    ] as const;
    for (const [wrong, code] of uploads) {
      const ticket = await ticketFor(fixture.holder, ALICE, id, size, fixture.clock.today());
      const stored = fixture.holder.store(ALICE, id, ticket, blocksOf(wrong), never);
      await assert.rejects(stored, { code });
      assert.deepEqual(fixture.holder.has(ALICE, [id]), [false]);
      assert.equal(fixture.blobs.blobs.size, 0);
      assert.equal(fixture.holder.usage().bytes, 0);
    }
    await upload(fixture, ALICE, bytes);
  }
});

test("store() ends an endless upload at the first byte too many", async () => {
  const fixture = fresh();
  const bytes = patternOf(100_000);
  const id = idOfShard(bytes);
  let pulled = 0;
  const endless = async function* (): AsyncIterable<Uint8Array> {
    for (;;) {
      pulled++;
      yield bytes.subarray(0, 50_000);
    }
  };
  const ticket = await ticketFor(fixture.holder, ALICE, id, 100_000, fixture.clock.today());
  const stored = fixture.holder.store(ALICE, id, ticket, endless(), never);
  await assert.rejects(stored, { code: "SHARD_LENGTH" });
  assert.equal(pulled, 3);
});

test("store() passes on what breaks the upload, also while no block comes", async () => {
  const fixture = fresh(100_000);
  const bytes = patternOf(100_000);
  const id = idOfShard(bytes);
  const cut = new Error("connection reset");
  const breaking = async function* (): AsyncIterable<Uint8Array> {
    yield bytes.subarray(0, 50_000);
    throw cut;
  };
  const ticket = () => ticketFor(fixture.holder, ALICE, id, 100_000, fixture.clock.today());
  await assert.rejects(fixture.holder.store(ALICE, id, await ticket(), breaking(), never), cut);
  const controller = new AbortController();
  const waiting = Promise.withResolvers<void>();
  const hanging = async function* (): AsyncIterable<Uint8Array> {
    yield bytes.subarray(0, 50_000);
    waiting.resolve();
    await new Promise<never>(() => undefined);
  };
  const { signal } = controller;
  const stored = fixture.holder.store(ALICE, id, await ticket(), hanging(), signal);
  await waiting.promise;
  controller.abort(cut);
  await assert.rejects(stored, cut);
  // The space was given back each time: it is enough for exactly this shard.
  await upload(fixture, ALICE, bytes);
});

test("list() gives the account's ids in order, page by page, each once", async () => {
  const fixture = fresh();
  const ids: string[] = [];
  for (let n = 1; n <= 25; n++) {
    const bytes = patternOf(n);
    await upload(fixture, ALICE, bytes);
    ids.push(idOfShard(bytes));
  }
  await upload(fixture, BOB, patternOf(99));
  const seen: string[] = [];
  for (let after: string | undefined; ;) {
    const page = fixture.holder.list(ALICE, after, 10);
    seen.push(...page);
    after = page.at(-1);
    if (page.length < 10) break;
  }
  assert.equal(seen.length, 25);
  assert.deepEqual([...seen].sort(), ids.sort());
  assert.deepEqual(fixture.holder.list(ALICE, seen[24], 10), []);
  assert.throws(() => fixture.holder.list(ALICE, "x", 10), { code: "SHARD_ID_MALFORMED" });
  assert.equal(fixture.holder.list(ALICE, undefined, Number.MAX_SAFE_INTEGER).length, 25);
});

test("uploads of one shard at once, by one account or two, end in one shard", async () => {
  for (const size of [100, 100_000]) {
    const fixture = fresh();
    const bytes = patternOf(size);
    const id = idOfShard(bytes);
    const askers = [ALICE, ALICE, BOB, BOB];
    const tickets = await Promise.all(
      askers.map((asker) => ticketFor(fixture.holder, asker, id, size, fixture.clock.today())),
    );
    await Promise.all(
      askers.map((asker, index) =>
        fixture.holder.store(asker, id, tickets[index] ?? bytes, blocksOf(bytes), never),
      ),
    );
    assert.equal(fixture.holder.usage().shards, 1);
    assert.equal(fixture.holder.usage().bytes, size);
    for (const asker of [ALICE, BOB]) {
      assert.ok(equalBytes(await bytesOf(await fixture.holder.read(asker, id)), bytes));
    }
  }
});

test("many uploads at once share commits", async () => {
  const fixture = fresh();
  const { database } = fixture;
  let commits = 0;
  const transaction = database.transaction.bind(database);
  database.transaction = (work) => {
    commits++;
    return transaction(work);
  };
  const shards = Array.from({ length: 100 }, (_, n) => patternOf(70_000 + n, n + 1));
  await Promise.all(shards.map((bytes) => upload(fixture, ALICE, bytes)));
  assert.equal(fixture.holder.usage().shards, 100);
  assert.ok(commits <= 20, `${commits} commits for 100 shards`);
});

test("close() refuses what comes, ends what hangs, and notes the clean stop", async () => {
  const fixture = fresh();
  const bytes = patternOf(100_000);
  const id = idOfShard(bytes);
  await upload(fixture, ALICE, patternOf(5));
  const ticket = await ticketFor(fixture.holder, ALICE, id, 100_000, fixture.clock.today());
  const hanging = async function* (): AsyncIterable<Uint8Array> {
    yield bytes.subarray(0, 10);
    await new Promise<never>(() => undefined);
  };
  const stored = fixture.holder.store(ALICE, id, ticket, hanging(), never);
  const closed = { code: "HOLDER_CLOSED" };
  const refused = assert.rejects(stored, closed);
  await fixture.holder.close();
  await refused;
  await assert.rejects(fixture.holder.reserve(ALICE, [], fixture.clock.today()), closed);
  await assert.rejects(fixture.holder.read(ALICE, id), closed);
  const flag = "SELECT value FROM flags WHERE key = 'open'";
  assert.equal(fixture.database.get(flag)?.["value"], 0);
  await fixture.holder.close();
});
