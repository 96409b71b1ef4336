import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { CHUNK_AVERAGE_BYTES, CHUNK_MAX_BYTES, CHUNK_MIN_BYTES, MIB } from "../base/limits.ts";
import { createArena } from "./arena.ts";
import { GEAR_TABLE_BYTES } from "./kernels.ts";
import type { Kernels } from "./kernels.ts";
import { VARIANTS, loadVariant } from "./load.node.ts";

const shake = (label: string, lengthBytes: number): Uint8Array =>
  createHash("shake128", { outputLength: lengthBytes }).update(label).digest();

const DATA_BYTES = 64 * MIB;
const TABLE = shake("holdfast vector gear table", GEAR_TABLE_BYTES);
const arena = createArena(DATA_BYTES + MIB);
const at = arena.dataAt;
const random = shake("holdfast vector chunker data", DATA_BYTES);
const all: Kernels[] = await Promise.all(VARIANTS.map((name) => loadVariant(name, arena)));
for (const kernels of all) kernels.setGear(TABLE);
const first = all[0]!;

/** Lengths of all chunks of the `lengthBytes` at `from`. */
function lengthsOf(kernels: Kernels, from: number, lengthBytes: number): number[] {
  const lengths: number[] = [];
  for (let done = 0; done < lengthBytes;) {
    const length = kernels.nextCut(from + done, lengthBytes - done, true);
    assert.ok(length > 0 && length <= lengthBytes - done);
    lengths.push(length);
    done += length;
  }
  return lengths;
}

/** Where chunks end, counted from the start. */
function endsOf(lengths: readonly number[]): number[] {
  let end = 0;
  return lengths.map((length) => (end += length));
}

interface CutVector {
  name: string;
  fill: "shake" | "zeros";
  lengthBytes: number;
  lengths: number[];
}
const vectors = JSON.parse(
  await readFile(new URL("../../tests/vectors/chunker.json", import.meta.url), "utf8"),
) as { cases: CutVector[] };

for (const kernels of all) {
  test(`nextCut() gives the chunks of the vectors (${kernels.variant})`, () => {
    for (const { name, fill, lengthBytes, lengths } of vectors.cases) {
      if (fill === "zeros") arena.bytes.fill(0, at, at + lengthBytes);
      else arena.bytes.set(random.subarray(0, lengthBytes), at);
      assert.deepEqual(lengthsOf(kernels, at, lengthBytes), lengths, name);
    }
  });
}

test("nextCut() keeps the minimum, the maximum and, within a tenth, the average", () => {
  arena.bytes.set(random, at);
  const lengths = lengthsOf(first, at, DATA_BYTES);
  for (const length of lengths.slice(0, -1)) {
    assert.ok(length >= CHUNK_MIN_BYTES && length <= CHUNK_MAX_BYTES, `a chunk of ${length}`);
  }
  const average = DATA_BYTES / lengths.length;
  assert.ok(Math.abs(average / CHUNK_AVERAGE_BYTES - 1) < 0.1, `an average of ${average}`);
  for (const kernels of all.slice(1)) assert.deepEqual(lengthsOf(kernels, at, DATA_BYTES), lengths);
});

test("nextCut() does not look at the address, nor at bytes beyond the chunk", () => {
  arena.bytes.set(random.subarray(0, CHUNK_MAX_BYTES), at);
  const length = first.nextCut(at, CHUNK_MAX_BYTES, false);
  arena.bytes.set(random.subarray(0, length), at + 13);
  arena.bytes.fill(0, at + 13 + length, at + 13 + CHUNK_MAX_BYTES);
  assert.equal(first.nextCut(at + 13, CHUNK_MAX_BYTES, false), length);
});

test("nextCut() says 0 until it can decide, then the same as with all bytes there", () => {
  arena.bytes.set(random, at);
  const wanted = lengthsOf(first, at, 16 * MIB);
  const got: number[] = [];
  let done = 0;
  let there = 0;
  for (let step = 0; done < 16 * MIB; step++) {
    const length = first.nextCut(at + done, there - done, there === 16 * MIB);
    if (length > 0) {
      got.push(length);
      done += length;
    } else {
      there = Math.min(there + 1 + ((step * 77_773) % (700 * 1024)), 16 * MIB);
    }
  }
  assert.deepEqual(got, wanted);
});

test("nextCut() decides at CHUNK_MAX_BYTES, whether or not more follow", () => {
  arena.bytes.fill(0, at, at + CHUNK_MAX_BYTES + 1);
  assert.equal(first.nextCut(at, CHUNK_MAX_BYTES - 1, false), 0);
  assert.equal(first.nextCut(at, CHUNK_MAX_BYTES - 1, true), CHUNK_MAX_BYTES - 1);
  assert.equal(first.nextCut(at, CHUNK_MAX_BYTES, false), CHUNK_MAX_BYTES);
  assert.equal(first.nextCut(at, CHUNK_MAX_BYTES + 1, false), CHUNK_MAX_BYTES);
  assert.equal(first.nextCut(at, 0, false), 0);
  assert.equal(first.nextCut(at, 0, true), 0);
});

test("an inserted or removed byte moves only the cuts near it", () => {
  const lengthBytes = 32 * MIB;
  const original = random.subarray(0, lengthBytes);
  arena.bytes.set(original, at);
  const before = endsOf(lengthsOf(first, at, lengthBytes));
  const cut = before.find((end) => end > 9 * MIB) ?? 0;
  const places = { "inside a chunk": cut + 200_000, "in a cut's window": cut - 20 };
  for (const [where, place] of Object.entries(places)) {
    for (const shift of [1, -1]) {
      const tail = original.subarray(place + Math.max(0, -shift));
      arena.bytes.set(original.subarray(0, place), at);
      arena.bytes[at + place] = 0xa5;
      arena.bytes.set(tail, at + place + Math.max(0, shift));
      const after = new Set(endsOf(lengthsOf(first, at, lengthBytes + shift)));
      const moved = before.filter((end) => !after.has(end <= place ? end : end + shift));
      if (place < cut) assert.ok(moved.includes(cut), where);
      assert.ok(moved.length <= 4, `${where}: ${moved.length} cuts moved`);
      assert.ok(
        moved.every((end) => Math.abs(end - place) < 8 * MIB),
        where,
      );
    }
  }
});

test("another gear table cuts elsewhere", () => {
  arena.bytes.set(random.subarray(0, 16 * MIB), at);
  const ends = new Set(endsOf(lengthsOf(first, at, 16 * MIB)));
  first.setGear(shake("another table", GEAR_TABLE_BYTES));
  const others = endsOf(lengthsOf(first, at, 16 * MIB)).slice(0, -1);
  first.setGear(TABLE);
  assert.deepEqual(
    others.filter((end) => ends.has(end)),
    [],
  );
});

test("nextCut() refuses to run without a table, and bytes outside the arena", async () => {
  const bare = await loadVariant("scalar", arena, 1);
  assert.throws(() => bare.nextCut(at, 1, true), RangeError);
  assert.throws(() => bare.setGear(TABLE.subarray(1)), RangeError);
  assert.throws(() => first.nextCut(at - 1, 1, true), RangeError);
  assert.throws(() => first.nextCut(arena.bytes.length, 1, true), RangeError);
});
