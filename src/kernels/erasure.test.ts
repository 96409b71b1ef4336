import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import test from "node:test";
import * as fc from "fast-check";
import { createArena } from "./arena.ts";
import type { Kernels, PlacedShard } from "./kernels.ts";
import { VARIANTS, loadVariant } from "./load.node.ts";
import { parityCoefficient, rebuildMatrix } from "./matrix.ts";

// The oracle: the field as the format page has it, by shifts and reductions alone.

function times(a: number, b: number): number {
  let sum = 0;
  for (let power = a, rest = b; rest > 0; rest >>= 1) {
    if (rest & 1) sum ^= power;
    power = power & 0x80 ? (power << 1) ^ 0x11d : power << 1;
  }
  return sum;
}

/** value^254 is the inverse, as the group has 255 elements. */
function inverse(value: number): number {
  let result = 1;
  for (let round = 0; round < 254; round++) result = times(result, value);
  return result;
}

const PRODUCTS = Uint8Array.from({ length: 65_536 }, (_, at) => times(at >> 8, at & 255));
const INVERSES = Array.from({ length: 256 }, (_, value) => inverse(value));
const expectedCoefficient = (row: number, column: number): number =>
  times(255 - row, INVERSES[(255 - row) ^ column]!);

/** Parity shard `row` of the k shards that `data` consists of. */
function expectedParity(k: number, row: number, data: Uint8Array): Uint8Array {
  const shardBytes = data.length / k;
  const parity = new Uint8Array(shardBytes);
  for (let column = 0; column < k; column++) {
    const base = expectedCoefficient(row, column) << 8;
    for (let at = 0; at < shardBytes; at++) {
      parity[at]! ^= PRODUCTS[base | data[column * shardBytes + at]!]!;
    }
  }
  return parity;
}

/** Bytes that look random, the same for the same seed. */
function noise(lengthBytes: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  let state = seed | 1;
  for (let at = 0; at < lengthBytes; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state >>> 11;
  }
  return bytes;
}

const EDGES = [1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 4095, 4096, 4097, 65_536 + 13];
const arena = createArena(8 * 1024 * 1024);
const all: Kernels[] = await Promise.all(VARIANTS.map((name) => loadVariant(name, arena)));

interface StripeVector {
  k: number;
  n: number;
  shardBytes: number;
  data: string;
  parity: string[];
}
const vectors = JSON.parse(
  await readFile(new URL("../../tests/vectors/erasure.json", import.meta.url), "utf8"),
) as { matrix: string[]; matrixSha256: string; stripes: StripeVector[] };

test("parityCoefficient() gives the matrix of the format", () => {
  const hash = createHash("sha256");
  for (let row = 0; row < 254; row++) {
    const columns = Uint8Array.from({ length: 254 - row }, (_, at) => parityCoefficient(row, at));
    columns.forEach((value, at) => assert.equal(value, expectedCoefficient(row, at)));
    if (row < vectors.matrix.length) {
      assert.equal(Buffer.from(columns.subarray(0, 8)).toString("hex"), vectors.matrix[row]);
    }
    hash.update(columns);
  }
  assert.equal(hash.digest("hex"), vectors.matrixSha256);
});

test("rebuildMatrix() from the data shards alone gives the parity rows", () => {
  for (let k = 1; k < 255; k++) {
    const data = Array.from({ length: k }, (_, index) => index);
    const row = 254 - k;
    const matrix = rebuildMatrix(k, data, [k + row]);
    data.forEach((column) => assert.equal(matrix[column], expectedCoefficient(row, column)));
  }
});

for (const kernels of all) {
  test(`encode() gives the stripes of the vectors (${kernels.variant})`, () => {
    for (const { k, n, shardBytes, data, parity } of vectors.stripes) {
      arena.bytes.set(Buffer.from(data, "hex"), arena.dataAt);
      const parityAt = arena.dataAt + k * shardBytes;
      kernels.encode(k, n - k, shardBytes, arena.dataAt, parityAt);
      const got = arena.bytes.slice(parityAt, parityAt + (n - k) * shardBytes);
      assert.equal(Buffer.from(got).toString("hex"), parity.join(""), `${k} of ${n}`);
    }
  });

  test(`encode() and rebuild() agree with the oracle for every k (${kernels.variant})`, () => {
    const shardBytes = 37;
    for (let k = 1; k < 255; k++) {
      // All rows that k allows. A row does not depend on n, so this covers every n.
      const m = 255 - k;
      const data = noise(k * shardBytes, k);
      arena.bytes.set(data, arena.dataAt);
      const parityAt = arena.dataAt + k * shardBytes;
      kernels.encode(k, m, shardBytes, arena.dataAt, parityAt);
      const stripe = arena.bytes.slice(arena.dataAt, parityAt + m * shardBytes);
      for (let row = 0; row < m; row += k % 7 === 0 ? 1 : 19) {
        const got = stripe.subarray((k + row) * shardBytes, (k + row + 1) * shardBytes);
        assert.deepEqual(got, expectedParity(k, row, data), `row ${row} of k = ${k}`);
      }
      const order = shuffled(255, k);
      const place = (index: number): PlacedShard => ({
        index,
        at: arena.dataAt + index * shardBytes,
      });
      const wanted = order.slice(k).map(place);
      for (const { at } of wanted) arena.bytes.fill(0, at, at + shardBytes);
      kernels.rebuild(k, shardBytes, order.slice(0, k).map(place), wanted);
      const got = arena.bytes.slice(arena.dataAt, arena.dataAt + stripe.length);
      assert.equal(Buffer.compare(got, stripe), 0, `rebuilt with k = ${k}`);
    }
  });

  for (const shardBytes of EDGES) {
    const sizes = `${shardBytes} bytes (${kernels.variant})`;
    test(`any k of n rebuild all, and nothing else is written, at ${sizes}`, () => {
      const numRuns = shardBytes > 8192 ? 8 : 40;
      const code = fc.tuple(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer(),
      );
      fc.assert(
        fc.property(code, (drawn) => checkStripe(kernels, shardBytes, ...drawn)),
        { numRuns },
      );
    });
  }
}

/** Encodes a stripe at odd addresses, spreads it, rebuilds it from k random shards, and compares
 * the whole region, gaps included, each time. */
function checkStripe(kernels: Kernels, shardBytes: number, k: number, m: number, seed: number) {
  const n = k + m;
  const region = arena.bytes.subarray(arena.dataAt, arena.dataAt + 3 * n * (shardBytes + 64) + 256);
  const data = noise(k * shardBytes, seed);
  const expected = noise(region.length, seed ^ 0x5bd1e995);
  const dataOff = 1 + (seed & 63);
  const parityOff = dataOff + data.length + 1 + ((seed >>> 6) & 31);
  expected.set(data, dataOff);
  region.set(expected);
  const shards: Uint8Array[] = [...Array(k).keys()].map((j) =>
    data.slice(j * shardBytes, (j + 1) * shardBytes),
  );
  for (let row = 0; row < m; row++) {
    const parity = expectedParity(k, row, data);
    shards.push(parity);
    expected.set(parity, parityOff + row * shardBytes);
  }
  kernels.encode(k, m, shardBytes, arena.dataAt + dataOff, arena.dataAt + parityOff);
  assert.equal(Buffer.compare(region.slice(), expected), 0, `encode ${k}+${m}`);

  const spread = (slot: number): number =>
    slot * (shardBytes + 64) + 1 + ((seed >>> (slot % 24)) & 31);
  const order = shuffled(n, seed);
  const present = order.slice(0, k).map((index, slot) => ({ index, off: spread(slot) }));
  // Wanted ones come from all, so that some are present: these are copied.
  const wanted = shuffled(n, seed ^ 77)
    .slice(0, 1 + (Math.abs(seed) % n))
    .map((index, slot) => ({ index, off: spread(n + slot) }));
  for (const { index, off } of present) expected.set(shards[index]!, off);
  region.set(expected);
  for (const { index, off } of wanted) expected.set(shards[index]!, off);
  const placed = ({ index, off }: { index: number; off: number }): PlacedShard => ({
    index,
    at: arena.dataAt + off,
  });
  kernels.rebuild(k, shardBytes, present.map(placed), wanted.map(placed));
  assert.equal(Buffer.compare(region.slice(), expected), 0, `rebuild ${k}+${m}`);
}

/** 0..count-1 in an order that depends on the seed. */
function shuffled(count: number, seed: number): number[] {
  const keys = noise(count * 2, seed * 2_654_435_761);
  const keyOf = (index: number): number => keys[2 * index]! * 256 + keys[2 * index + 1]!;
  return [...Array(count).keys()].sort((a, b) => keyOf(a) - keyOf(b) || a - b);
}

test("encode() and rebuild() refuse what breaks their contract", () => {
  const kernels = all[0]!;
  const at = arena.dataAt;
  const end = arena.bytes.length;
  const shard = (index: number, address = at + index * 64): PlacedShard => ({ index, at: address });
  const cases: [string, () => void][] = [
    ["k of 0", () => kernels.encode(0, 1, 64, at, at + 64)],
    ["m of 0", () => kernels.encode(1, 0, 64, at, at + 64)],
    ["256 shards", () => kernels.encode(128, 128, 1, at, at + 128)],
    ["half a shard", () => kernels.encode(2, 2, 0.5, at, at + 64)],
    ["data among the tables", () => kernels.encode(1, 1, 64, at - 64, at)],
    ["parity beyond the end", () => kernels.encode(1, 1, 64, at, end - 63)],
    ["parity over data", () => kernels.encode(2, 1, 64, at, at + 127)],
    ["too few shards", () => kernels.rebuild(2, 64, [shard(0)], [shard(1)])],
    ["one shard twice", () => kernels.rebuild(2, 64, [shard(0), shard(0)], [shard(1)])],
    ["an index of 255", () => kernels.rebuild(1, 64, [shard(0)], [shard(255)])],
    ["wanted over present", () => kernels.rebuild(1, 64, [shard(0)], [shard(1, at + 63)])],
    ["wanted over wanted", () => kernels.rebuild(1, 64, [shard(0)], [shard(1), shard(2, at + 65)])],
    ["wanted beyond the end", () => kernels.rebuild(1, 64, [shard(0)], [shard(1, end - 1)])],
  ];
  for (const [what, work] of cases) assert.throws(work, RangeError, what);
});
