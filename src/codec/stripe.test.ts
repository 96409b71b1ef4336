import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { idOf } from "../base/id.ts";
import { decodeStripe, encodeStripe, shardBytesOf } from "./stripe.ts";
import type { Stripe } from "./stripe.ts";

const idWith = (byte: number): string => idOf(new Uint8Array(32).fill(byte));

test("k shards hold the pack, and one less would not", () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 2 ** 24 }), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(sizes, ([packBytes, k]) => {
      const shardBytes = shardBytesOf(packBytes, k);
      assert.ok(shardBytes * k >= packBytes);
      assert.ok((shardBytes - 1) * k < packBytes);
    }),
  );
});

test("a stripe of 255 shards comes back, and copies cost one id", () => {
  const shards = Array.from({ length: 255 }, (_, index) => ({
    id: idWith(index),
    holder: index % 3 === 0 ? undefined : idWith(255 - index),
  }));
  const widest: Stripe = { packBytes: 2 ** 24, k: 200, n: 255, shards };
  assert.deepEqual(decodeStripe(encodeStripe(widest)), widest);
  const copies = shards.slice(0, 5).map(({ holder }) => ({ id: idWith(7), holder }));
  const bytes = encodeStripe({ packBytes: 10, k: 1, n: 5, shards: copies });
  assert.ok(bytes.length < 6 * 32 + 16);
});

test("encodeStripe() states its invariants", () => {
  const broken = { name: "InvariantError" };
  const shard = { id: idWith(1), holder: undefined };
  assert.throws(() => encodeStripe({ packBytes: 9, k: 1, n: 2, shards: [shard] }), broken);
  const shards = [shard, { id: idWith(2), holder: undefined }];
  assert.throws(() => encodeStripe({ packBytes: 9, k: 1, n: 2, shards }), broken);
});
