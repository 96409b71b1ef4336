import assert from "node:assert/strict";
import { test } from "node:test";
import { MemorySwarm } from "../../tests/memory-swarm.ts";
import { noise } from "../../tests/noise.ts";
import { MemoryClock } from "../adapters/clock-memory.ts";
import { openDatabase } from "../adapters/database.node.ts";
import { idOf } from "../base/id.ts";
import type { PeerId } from "../base/id.ts";
import { INDEX_SCHEMA } from "./index/schema.ts";
import { IndexStore } from "./index/store.ts";
import { Reach } from "./reach.ts";

const LIVE = new AbortController().signal;
const swarm = new MemorySwarm(4);
const [a, b, c, d] = swarm.peers as [PeerId, PeerId, PeerId, PeerId];
/** Pauses that are over at once. */
const clock = Object.assign(new MemoryClock(), { sleep: async () => undefined });

/** An index with `count` packs for every list of holders. */
function indexWith(k: number, lists: readonly (PeerId | undefined)[][], count = 1): IndexStore {
  const index = new IndexStore(openDatabase(":memory:", { schema: INDEX_SCHEMA }));
  for (const [list, holders] of lists.entries()) {
    for (let number = 0; number < count; number++) {
      const seed = (list * count + number) * 10 + 1;
      const idAt = (at: number) => idOf(noise(32, k === 1 ? seed : seed + at));
      const shards = holders.map((holder, at) => ({ id: idAt(at), holder }));
      const stripe = { packBytes: 100, k, n: holders.length, shards };
      index.addPack({ kind: "data", stripe, entries: [] }, true);
    }
  }
  return index;
}

/** A look while these holders are there and the others are not.
 * @returns how many packs are lost */
async function look(reach: Reach, there: readonly PeerId[]): Promise<number> {
  for (const [id, holder] of swarm.holders) holder.isDown = !there.includes(id);
  await reach.look("", LIVE);
  return reach.lostPacks;
}

test("a pack is lost while fewer of its holders than it needs can be asked", async () => {
  const index = indexWith(
    2,
    [
      [a, b, c],
      [b, c, d],
    ],
    100,
  );
  const reach = new Reach({ index, swarm, clock });
  assert.equal(await look(reach, [a, b, c, d]), 0);
  assert.equal(await look(reach, [a, b]), 100);
  assert.equal(await look(reach, [a]), 200);
  assert.equal(await look(reach, []), 200);
  assert.equal(await look(reach, [b, c]), 0);
});

test("a pack that lies on this machine too is not lost", async () => {
  const index = indexWith(1, [[a], [a, undefined], [undefined, undefined], [b, a]]);
  assert.equal(await look(new Reach({ index, swarm, clock }), []), 1);
});

test("nothing is counted again while nothing has changed, and holders are asked", async () => {
  const index = indexWith(1, [[a, b]]);
  let asked = 0;
  const asking = {
    hopefulPeers: () => (asked % 2 === 0 ? [a, b] : [b, a]),
    usableHolders: async () => {
      asked++;
      return [];
    },
  };
  const reach = new Reach({ index, swarm: asking, clock });
  await reach.look("1", LIVE);
  index.close();
  for (let second = 0; second < 130; second++) await reach.look("1", LIVE);
  assert.equal(asked, 2);
  await assert.rejects(reach.look("2", LIVE));
});
