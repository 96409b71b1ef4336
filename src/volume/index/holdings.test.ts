import assert from "node:assert/strict";
import { test } from "node:test";
import { openDatabase } from "../../adapters/database.node.ts";
import { noise } from "../../../tests/noise.ts";
import { idOf } from "../../base/id.ts";
import { holdingsByPeer } from "./holdings.ts";
import { INDEX_SCHEMA } from "./schema.ts";
import { IndexStore } from "./store.ts";

const never = new AbortController().signal;
const HOLDERS = [1, 2, 3].map((seed) => idOf(noise(32, seed)));

/** An index of so many packs of 3,001 bytes, coded 2/4: the last shard of each is not placed. */
function indexOf(packs: number): IndexStore {
  const index = new IndexStore(openDatabase(":memory:", { schema: INDEX_SCHEMA }));
  index.transaction(() => {
    for (let pack = 0; pack < packs; pack++) {
      const shards = [...HOLDERS, undefined].map((holder, at) => ({
        id: idOf(noise(32, 1_000 + pack * 4 + at)),
        holder,
      }));
      const stripe = { packBytes: 3_001, k: 2, n: 4, shards };
      index.addPack({ kind: "data", stripe, entries: [] }, false);
    }
  });
  return index;
}

for (const packs of [0, 1, 255, 256, 257, 600]) {
  test(`holdingsByPeer() counts every shard of ${packs} packs once`, async () => {
    let pauses = 0;
    const holdings = await holdingsByPeer(indexOf(packs), async () => void pauses++, never);
    const expected = packs === 0 ? [] : HOLDERS.map((id): [string, number] => [id, packs * 1_501]);
    assert.deepEqual([...holdings], expected);
    assert.equal(pauses, Math.floor(packs / 256));
  });
}

test("holdingsByPeer() counts copies whole, and all that one peer has", async () => {
  const index = new IndexStore(openDatabase(":memory:", { schema: INDEX_SCHEMA }));
  const [holder] = HOLDERS;
  const id = idOf(noise(32, 77));
  const stripe = {
    packBytes: 500,
    k: 1,
    n: 2,
    shards: [
      { id, holder },
      { id, holder: HOLDERS[1] },
    ],
  };
  index.addPack({ kind: "tree", stripe, entries: [] }, true);
  const holdings = await holdingsByPeer(index, async () => {}, never);
  assert.deepEqual([...holdings.values()], [500, 500]);
});

test("holdingsByPeer() ends between pages when it is asked to", async () => {
  const stop = new AbortController();
  const counting = holdingsByPeer(indexOf(600), async () => stop.abort(), stop.signal);
  await assert.rejects(counting, { name: "AbortError" });
});
