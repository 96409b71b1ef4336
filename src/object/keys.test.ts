import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, readVectors, toHex } from "../../tests/vectors/read.ts";
import { hash } from "../crypto/hash.node.ts";
import { GEAR_TABLE_BYTES } from "../kernels/kernels.ts";
import { deriveVolumeKeys, gearTable, headSeed } from "./keys.ts";

interface KeyVectors {
  secret: string;
  keys: Record<string, string>;
  gearTable: { first: string; hash: string };
  device: string;
  headSeed: string;
}
const vectors = readVectors("keys") as KeyVectors;
const keys = deriveVolumeKeys(fromHex(vectors.secret));

test("a generation unfolds to the keys of the vectors", () => {
  const derived = Object.fromEntries(
    Object.entries(keys).map(([name, key]: [string, Uint8Array]) => [name, toHex(key)]),
  );
  assert.deepEqual(derived, vectors.keys);
});

test("no two keys of a generation are the same, and none is another generation's", () => {
  const other = deriveVolumeKeys(new Uint8Array(32).fill(9));
  const all = [keys, other].flatMap((set) => Object.values(set) as Uint8Array[]);
  assert.equal(new Set(all.map(toHex)).size, all.length);
});

test("a gear table is that of the vectors", () => {
  const table = gearTable(keys.gear, GEAR_TABLE_BYTES);
  assert.equal(table.length, GEAR_TABLE_BYTES);
  assert.equal(toHex(table.subarray(0, 64)), vectors.gearTable.first);
  assert.equal(toHex(hash(table)), vectors.gearTable.hash);
  assert.deepEqual(gearTable(keys.gear, 33), table.slice(0, 33));
});

test("each device has a head key of its own", () => {
  const device = fromHex(vectors.device);
  assert.equal(toHex(headSeed(keys, device)), vectors.headSeed);
  assert.notDeepEqual(headSeed(keys, new Uint8Array(32)), headSeed(keys, device));
});
