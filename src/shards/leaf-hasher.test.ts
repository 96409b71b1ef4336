import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { patternOf } from "../../tests/contracts/blobs.ts";
import { LEAF_BYTES } from "../base/limits.ts";
import { leafHashes, shardIdOf } from "../crypto/hash.node.ts";
import { readVectors, toHex } from "../../tests/vectors/read.ts";
import { LeafHasher } from "./leaf-hasher.ts";

test("update() gives the hashes of the whole, however the bytes are cut", () => {
  const length = fc.oneof(
    fc.constantFrom(0, 1, LEAF_BYTES - 1, LEAF_BYTES, LEAF_BYTES + 1, 4 * LEAF_BYTES),
    fc.integer({ min: 0, max: 5 * LEAF_BYTES }),
  );
  const cuts = fc.array(fc.nat(5 * LEAF_BYTES), { maxLength: 12 });
  fc.assert(
    fc.property(length, cuts, (lengthBytes, positions) => {
      const bytes = patternOf(lengthBytes);
      const borders = [0, ...positions, lengthBytes].filter((at) => at <= lengthBytes);
      borders.sort((a, b) => a - b);
      const hasher = new LeafHasher(lengthBytes);
      for (const [index, at] of borders.entries()) {
        assert.equal(hasher.seenBytes, index === 0 ? 0 : at);
        hasher.update(bytes.slice(at, borders[index + 1] ?? lengthBytes));
      }
      assert.deepEqual(hasher.finish(), new Uint8Array(leafHashes(bytes)));
    }),
  );
});

test("update() refuses more bytes than announced, finish() fewer", () => {
  const hasher = new LeafHasher(10);
  assert.throws(() => hasher.update(new Uint8Array(11)), { name: "InvariantError" });
  assert.throws(() => hasher.finish(), { name: "InvariantError" });
});

interface ShardVectors {
  vectors: {
    lengthBytes: number;
    leaves: number;
    firstLeaf: string;
    lastLeaf: string;
    id: string;
  }[];
}

test("leaves and ids are those of the vectors, made by another implementation", () => {
  const { vectors } = readVectors("shard") as ShardVectors;
  assert.ok(vectors.length >= 8);
  for (const { lengthBytes, leaves, firstLeaf, lastLeaf, id } of vectors) {
    const bytes = new Uint8Array(lengthBytes).map((_, i) => 31 * i + 7 * Math.floor(i / 256));
    const hasher = new LeafHasher(lengthBytes);
    hasher.update(bytes);
    const hashes = hasher.finish();
    assert.equal(hashes.length, 32 * leaves);
    assert.equal(toHex(hashes.subarray(0, 32)), firstLeaf);
    assert.equal(toHex(hashes.subarray(-32)), lastLeaf);
    assert.equal(toHex(shardIdOf(lengthBytes, hashes)), id, `${lengthBytes} bytes`);
    // The length is part of the id.
    assert.notEqual(toHex(shardIdOf(lengthBytes + 1, hashes)), id);
  }
});
