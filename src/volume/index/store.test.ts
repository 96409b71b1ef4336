import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { openDatabase } from "../../adapters/database.node.ts";
import { noise } from "../../../tests/noise.ts";
import { idOf } from "../../base/id.ts";
import type { IndexedPack } from "../../codec/index-segment.ts";
import type { PackKind } from "../../codec/pack.ts";
import type { Stripe } from "../../codec/stripe.ts";
import { INDEX_SCHEMA } from "./schema.ts";
import { IndexStore, packIdent } from "./store.ts";

const idWith = (seed: number): string => idOf(noise(32, seed));
const nameWith = (seed: number): Uint8Array => noise(32, 1_000_000 + seed);

function stripeOf(seed: number, placed: number, n = 3): Stripe {
  const shards = Array.from({ length: n }, (_, index) => ({
    id: idWith(seed * 100 + index),
    holder: index < placed ? idWith(900_000 + index) : undefined,
  }));
  return { packBytes: 1000 + seed, k: n > 1 ? 2 : 1, n, shards };
}

function packOf(seed: number, placed: number, kind: PackKind = "data"): IndexedPack {
  const entries = [0, 1].map((at) => ({
    name: nameWith(seed * 2 + at),
    offset: at * 100,
    lengthBytes: 90 + at,
  }));
  return { kind, stripe: stripeOf(seed, placed), entries };
}

let index: IndexStore;
beforeEach(() => {
  index = new IndexStore(openDatabase(":memory:", { schema: INDEX_SCHEMA }));
});

describe("index store", () => {
  test("a pack and its chunks are found again", () => {
    const id = index.addPack(packOf(1, 3, "tree"), false);
    assert.deepEqual(index.findChunk(nameWith(3)), { pack: id, offset: 100, lengthBytes: 91 });
    assert.equal(index.findChunk(nameWith(9)), undefined);
    assert.deepEqual(index.pack(id), { id, kind: "tree", stripe: stripeOf(1, 3) });
    assert.deepEqual(index.entriesOf(id), packOf(1, 3).entries);
  });

  test("the same shards are the same pack, wherever they are", () => {
    const id = index.addPack(packOf(1, 1), true);
    assert.equal(index.addPack(packOf(1, 3), false), id);
    assert.deepEqual(index.pack(id).stripe, stripeOf(1, 3));
    assert.deepEqual(packIdent(stripeOf(1, 0)), packIdent(stripeOf(1, 3)));
    assert.notDeepEqual(packIdent(stripeOf(1, 3)), packIdent(stripeOf(2, 3)));
    assert.equal(index.counts().full, 1);
  });

  test("a chunk that comes again is where it came last", () => {
    index.addPack(packOf(1, 3), false);
    const id = index.addPack({ ...packOf(1, 3), stripe: stripeOf(7, 3) }, false);
    assert.equal(index.findChunk(nameWith(2))?.pack, id);
  });

  test("unfinished packs are those with missing shards or a single one, in pages", () => {
    const ids = [0, 1, 2, 3].map((placed) => index.addPack(packOf(placed + 1, placed), false));
    const single = index.addPack({ ...packOf(9, 1), stripe: stripeOf(9, 1, 1) }, false);
    const unfinished = [...ids.slice(0, 3), single];
    assert.deepEqual(
      index.unfinished(0, 10).map(({ id }) => id),
      unfinished,
    );
    assert.deepEqual(
      index.unfinished(0, 2).map(({ id }) => id),
      unfinished.slice(0, 2),
    );
    assert.deepEqual(
      index.unfinished(unfinished[1] ?? 0, 9).map(({ id }) => id),
      unfinished.slice(2),
    );
    const packBytes = [1, 2, 3, 4, 9].reduce((sum, seed) => sum + 1000 + seed, 0);
    assert.deepEqual(index.counts(), { full: 1, partial: 3, local: 1, packBytes, widest: 3 });
    index.setStripe(ids[0] ?? 0, stripeOf(1, 3));
    assert.deepEqual(
      index.unfinished(0, 10).map(({ id }) => id),
      unfinished.slice(1),
    );
  });

  test("an empty index counts nothing", () => {
    assert.deepEqual(index.counts(), { full: 0, partial: 0, local: 0, packBytes: 0, widest: 0 });
    assert.deepEqual(index.unfinished(0, 10), []);
  });

  test("hasNews() until a head says what was placed since, but not for index packs alone", () => {
    const one = index.addPack(packOf(1, 2), false);
    assert.equal(index.hasNews(), true);
    index.markPublished([one]);
    assert.equal(index.hasNews(), false);
    const two = index.addPack(packOf(2, 2, "index"), false);
    assert.equal(index.hasNews(), false, "the next index will name it");
    index.setStripe(two, stripeOf(2, 3));
    assert.equal(index.hasNews(), true);
    assert.deepEqual(
      index.packsAfter(0, 10, true).map(({ id }) => id),
      [two],
    );
    index.markPublished([two]);
    assert.equal(index.hasNews(), false);
  });

  test("packs are unpublished until a head names them as they are", () => {
    const [one, two] = [index.addPack(packOf(1, 3), false), index.addPack(packOf(2, 1), false)];
    const unpublished = (): number[] => index.packsAfter(0, 10, true).map(({ id }) => id);
    assert.deepEqual(unpublished(), [one, two]);
    index.markPublished([one, two]);
    assert.deepEqual(unpublished(), []);
    index.setStripe(two, stripeOf(2, 3));
    assert.deepEqual(unpublished(), [two]);
    assert.deepEqual(
      index.packsAfter(0, 10, false).map(({ id }) => id),
      [one, two],
    );
    assert.deepEqual(
      index.packsAfter(one, 10, false).map(({ id }) => id),
      [two],
    );
    index.markUnpublished();
    assert.deepEqual(unpublished(), [one, two]);
  });

  test("a pack whose chunks are all in others is forgotten, segments' packs are not", () => {
    const old = index.addPack(packOf(1, 1), false);
    const segment = index.addPack(packOf(5, 3, "index"), false);
    index.setSegments([{ name: nameWith(10) }]);
    const now = index.addPack({ ...packOf(1, 3), stripe: stripeOf(2, 3) }, true);
    index.dropSuperseded();
    const left = index.packsAfter(0, 10, false).map(({ id }) => id);
    assert.deepEqual(left, [segment, now]);
    assert.ok(!left.includes(old));
    assert.equal(index.findChunk(nameWith(2))?.pack, now);
  });

  test("segments are kept in their order and replaced as a whole", () => {
    index.addPack(packOf(1, 3, "index"), false);
    const names = [nameWith(3), nameWith(2)];
    index.setSegments(names.map((name) => ({ name })));
    assert.deepEqual(
      index.segments().map(({ name }) => name),
      names,
    );
    assert.deepEqual(index.segments()[0]?.lengthBytes, 91);
    index.setSegments([{ name: nameWith(2) }]);
    assert.equal(index.segments().length, 1);
    assert.throws(() => index.setSegments([{ name: nameWith(77) }]), /invariant/);
  });

  test("nodes, contents and state come back", () => {
    index.keepNode(nameWith(1), Uint8Array.of(1, 2));
    index.keepNode(nameWith(1), Uint8Array.of(1, 2));
    assert.deepEqual(index.findNode(nameWith(1)), Uint8Array.of(1, 2));
    assert.equal(index.findNode(nameWith(2)), undefined);
    index.keepContent(nameWith(1), "/a");
    index.keepContent(nameWith(1), "/b");
    assert.equal(index.findContent(nameWith(1)), "/b");
    assert.equal(index.findContent(nameWith(2)), undefined);
    index.writeState("x", Uint8Array.of(1));
    index.writeState("x", Uint8Array.of(2));
    assert.deepEqual(index.readState("x"), Uint8Array.of(2));
    assert.equal(index.readState("y"), undefined);
  });

  test("a transaction that throws leaves nothing", () => {
    assert.throws(() =>
      index.transaction(() => {
        index.addPack(packOf(1, 3), false);
        throw new Error("in the middle");
      }),
    );
    assert.equal(index.findChunk(nameWith(2)), undefined);
    assert.equal(index.counts().full, 0);
  });
});
