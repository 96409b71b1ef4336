import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryBlobs } from "../adapters/blobs-memory.ts";
import { openDatabase } from "../adapters/database.node.ts";
import { patternOf } from "../../tests/contracts/blobs.ts";
import { askerOf, holderOf, idOfShard, upload } from "../../tests/contracts/holder-fixture.ts";
import { noise } from "../../tests/noise.ts";
import { idOf } from "../base/id.ts";
import { DEVICES_KEPT_MAX } from "../base/limits.ts";
import { HOLDER_SCHEMA } from "./schema.ts";
import { ShardTable } from "./shard-table.ts";

const [ALICE, BOB] = [askerOf(1), askerOf(2)];

test("heldForPeers() counts what is held for the account of each peer", async () => {
  const { holder, database, blobs, clock, ...fixture } = holderOf({ blobs: new MemoryBlobs() });
  const parts = { holder, database, blobs, clock, ...fixture };
  assert.deepEqual([...holder.heldForPeers()], []);
  const shared = patternOf(1_000, 1);
  await upload(parts, ALICE, shared);
  await upload(parts, ALICE, patternOf(100_000, 2));
  await upload(parts, BOB, patternOf(70, 3));
  const laptop = { ...ALICE, peer: idOf(noise(32, 9)) };
  await upload(parts, laptop, patternOf(5, 4));
  const held = new Map([
    [ALICE.peer, 101_005],
    [laptop.peer, 101_005],
    [BOB.peer, 70],
  ]);
  assert.deepEqual(holder.heldForPeers(), held);
  const table = new ShardTable(database);
  const row = table.find(idOfShard(shared));
  table.setState(row?.number ?? 0, "aside", 1);
  assert.equal(holder.heldForPeers().get(ALICE.peer), 100_005, "what is damaged is not held");
});

test("noteDevice() goes by the newest account, and forgets the oldest peers", () => {
  const database = openDatabase(":memory:", { schema: HOLDER_SCHEMA });
  const table = new ShardTable(database);
  const shard = { id: idOf(noise(32, 1)), lengthBytes: 9, leafHashes: noise(32, 2) };
  table.hold({ ...shard, bytes: noise(9, 3) }, 1);
  table.lease(ALICE.account, shard.id, 9);
  table.lease(BOB.account, shard.id, 9);
  table.noteDevice(ALICE.peer, BOB.account);
  table.noteDevice(ALICE.peer, ALICE.account);
  assert.deepEqual([...table.heldForPeers()], [[ALICE.peer, 9]]);
  database.transaction(() => {
    for (let seed = 0; seed < DEVICES_KEPT_MAX; seed++) {
      table.noteDevice(idOf(noise(32, 10_000 + seed)), BOB.account);
    }
  });
  const held = table.heldForPeers();
  assert.equal(held.size, DEVICES_KEPT_MAX);
  assert.equal(held.has(ALICE.peer), false);
});
