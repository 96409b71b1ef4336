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
import { TICKET_LIFETIME_MS } from "../base/limits.ts";
import { signingKeyOf } from "../crypto/sign.node.ts";

const ALICE = askerOf(1);
const BOB = askerOf(2);

const fresh = (spaceBytes?: number): Fixture =>
  holderOf({ blobs: new MemoryBlobs(), ...(spaceBytes === undefined ? {} : { spaceBytes }) });

test("a ticket is for one upload by one peer, for a quarter of an hour", async () => {
  const fixture = fresh();
  const { holder, clock } = fixture;
  const bytes = patternOf(100);
  const id = idOfShard(bytes);
  const ticket = () => ticketFor(holder, ALICE, id, 100, clock.today());
  const store = (asker: typeof ALICE, shard: string, with_: Uint8Array) =>
    holder.store(asker, shard, with_, blocksOf(bytes), never);
  const invalid = { code: "TICKET_INVALID" };
  const good = await ticket();
  await assert.rejects(store(BOB, id, good), invalid);
  await assert.rejects(store({ ...ALICE, peer: BOB.peer }, id, good), invalid);
  await assert.rejects(store({ ...ALICE, account: BOB.account }, id, good), invalid);
  await assert.rejects(store(ALICE, idOfShard(patternOf(99)), good), invalid);
  await assert.rejects(store(ALICE, id, new Uint8Array(0)), invalid);
  await assert.rejects(store(ALICE, id, new Uint8Array(5000)), invalid);
  for (let at = 0; at < good.length; at++) {
    const flipped = good.map((byte, index) => (index === at ? byte ^ 1 : byte));
    await assert.rejects(store(ALICE, id, flipped), invalid, `byte ${at}`);
  }
  const old = await ticket();
  clock.timeMs += TICKET_LIFETIME_MS;
  await assert.rejects(store(ALICE, id, old), { code: "TICKET_EXPIRED" });
  const used = await ticket();
  await store(ALICE, id, used);
  await assert.rejects(store(ALICE, id, used), { code: "TICKET_USED" });
  // The disk remembers it: another process would know.
  const again = holderOf({ blobs: fixture.blobs, database: fixture.database, clock });
  const replayed = again.holder.store(ALICE, id, used, blocksOf(bytes), never);
  await assert.rejects(replayed, { code: "TICKET_USED" });
  assert.equal(fixture.database.get("SELECT count(*) AS n FROM tickets")?.["n"], 1);
  clock.timeMs += TICKET_LIFETIME_MS + 1;
  await upload(fixture, ALICE, patternOf(7));
  assert.equal(fixture.database.get("SELECT count(*) AS n FROM tickets")?.["n"], 1);
});

test("a ticket of another holder is refused", async () => {
  const fixture = fresh();
  const other = holderOf({
    blobs: new MemoryBlobs(),
    key: signingKeyOf(new Uint8Array(32).fill(2)),
  });
  const bytes = patternOf(100);
  const id = idOfShard(bytes);
  const ticket = await ticketFor(other.holder, ALICE, id, 100, fixture.clock.today());
  const stored = fixture.holder.store(ALICE, id, ticket, blocksOf(bytes), never);
  await assert.rejects(stored, { code: "TICKET_INVALID" });
});
