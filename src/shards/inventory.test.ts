import assert from "node:assert/strict";
import { test } from "node:test";
import { openDatabase } from "../adapters/database.node.ts";
import { idOf } from "../base/id.ts";
import { createInventory } from "./inventory.ts";
import { HOLDER_SCHEMA } from "./schema.ts";
import { ShardTable } from "./shard-table.ts";

const shard = (number: number) => {
  const bytes = new Uint8Array(10).fill(number);
  const leafHashes = new Uint8Array(32);
  return { id: idOf(new Uint8Array(32).fill(number)), lengthBytes: 10, leafHashes, bytes };
};

test("page() goes through held shards in their order, and a new one comes last", () => {
  const database = openDatabase(":memory:", { schema: HOLDER_SCHEMA });
  try {
    const table = new ShardTable(database);
    const inventory = createInventory(database);
    assert.deepEqual(inventory.page(0, 10), { ids: [], last: 0 });
    for (const number of [9, 3, 7]) table.hold(shard(number), 1);
    const first = inventory.page(0, 2);
    assert.deepEqual(first.ids, [shard(9).id, shard(3).id]);
    table.hold(shard(1), 1);
    const second = inventory.page(first.last, 10);
    assert.deepEqual(second.ids, [shard(7).id, shard(1).id]);
    assert.equal(inventory.page(second.last, 10).last, second.last);
    assert.equal(inventory.heldShards(), 4);

    table.setState(table.find(shard(3).id)?.number ?? 0, "aside", 1);
    assert.equal(inventory.holds(shard(3).id), false);
    assert.equal(inventory.holds(shard(7).id), true);
    assert.equal(inventory.heldShards(), 3);
    const { ids, last } = inventory.page(0, 2);
    assert.deepEqual(ids, [shard(9).id], "what is set aside is skipped");
    assert.equal(last, first.last);
  } finally {
    database.close();
  }
});
