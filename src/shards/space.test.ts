import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryBlobs } from "../adapters/blobs-memory.ts";
import { patternOf } from "../../tests/contracts/blobs.ts";
import {
  askerOf,
  blocksOf,
  holderOf,
  idOfShard,
  never,
  ticketFor,
  upload,
} from "../../tests/contracts/holder-fixture.ts";
import type { Fixture } from "../../tests/contracts/holder-fixture.ts";
import { SHARD_MAX_BYTES, TICKET_LIFETIME_MS } from "../base/limits.ts";
import type { TicketGrant } from "../ports/holder.ts";

const ALICE = askerOf(1);
const BOB = askerOf(2);

const fresh = (spaceBytes?: number): Fixture =>
  holderOf({ blobs: new MemoryBlobs(), ...(spaceBytes === undefined ? {} : { spaceBytes }) });

const outcomeOf = (grant: TicketGrant | undefined): string =>
  grant?.outcome === "refused" ? grant.code : (grant?.outcome ?? "none");

const reserve = async (
  { holder, clock }: Fixture,
  asker: typeof ALICE,
  bytes: Uint8Array,
): Promise<string> => {
  const wish = { id: idOfShard(bytes), lengthBytes: bytes.length };
  return outcomeOf((await holder.reserve(asker, [wish], clock.today()))[0]);
};

test("reserve() refuses what is no shard, each for itself", async () => {
  const { holder, clock } = fresh();
  const id = idOfShard(patternOf(10));
  const wishes = [
    { id: "x", lengthBytes: 10 },
    { id, lengthBytes: 0 },
    { id, lengthBytes: -1 },
    { id, lengthBytes: 1.5 },
    { id, lengthBytes: Number.NaN },
    { id, lengthBytes: SHARD_MAX_BYTES + 1 },
    { id, lengthBytes: 10 },
  ];
  const grants = await holder.reserve(ALICE, wishes, clock.today());
  const length = "SHARD_LENGTH";
  const wanted = ["SHARD_ID_MALFORMED", length, length, length, length, length, "granted"];
  assert.deepEqual(grants.map(outcomeOf), wanted);
  const many = Array.from({ length: 257 }, () => ({ id, lengthBytes: 10 }));
  await assert.rejects(holder.reserve(ALICE, many, clock.today()), { code: "TICKETS_MANY" });
  for (const days of [-2, 2]) {
    const late = holder.reserve(ALICE, [], clock.today() + days);
    await assert.rejects(late, { code: "EPOCH_WRONG" });
  }
});

test("reserve() counts open tickets until they expire, each shard once", async () => {
  const fixture = fresh(1000);
  const [a, b, c] = [patternOf(600, 1), patternOf(400, 2), patternOf(1, 3)];
  assert.equal(await reserve(fixture, ALICE, a), "granted");
  assert.equal(await reserve(fixture, ALICE, a), "granted");
  assert.equal(await reserve(fixture, BOB, b), "granted");
  const wish = { id: idOfShard(c), lengthBytes: 1 };
  const [full] = await fixture.holder.reserve(BOB, [wish], fixture.clock.today());
  assert.ok(full?.outcome === "refused" && full.code === "SPACE_FULL");
  assert.match(full.message, /1000 bytes are offered here, 1000 are used or reserved, 1 more/);
  fixture.clock.timeMs += TICKET_LIFETIME_MS;
  assert.equal(await reserve(fixture, BOB, c), "granted");
});

test("the space limit holds for what is kept, whatever the number of uploads at once", async () => {
  const fixture = fresh(1_000_000);
  const shards = Array.from({ length: 30 }, (_, n) => patternOf(100_000, n + 1));
  const results = await Promise.allSettled(shards.map((bytes) => upload(fixture, ALICE, bytes)));
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 10);
  assert.equal(fixture.holder.usage().bytes, 1_000_000);
  assert.equal(await reserve(fixture, BOB, patternOf(1)), "SPACE_FULL");
  fixture.space.bytes += 1;
  assert.equal(await reserve(fixture, BOB, patternOf(1)), "granted");
});

test("a ticket from before a restart is good while there is room", async () => {
  for (const [otherBytes, code] of [
    [400, undefined],
    [401, "SPACE_FULL"],
  ] as const) {
    const { holder, blobs, database, clock } = fresh(1000);
    const bytes = patternOf(600);
    const id = idOfShard(bytes);
    const ticket = await ticketFor(holder, ALICE, id, 600, clock.today());
    const again = holderOf({ blobs, database, clock, spaceBytes: 1000 });
    await upload(again, BOB, patternOf(otherBytes));
    const stored = again.holder.store(ALICE, id, ticket, blocksOf(bytes), never);
    if (code === undefined) await stored;
    else await assert.rejects(stored, { code });
  }
});
