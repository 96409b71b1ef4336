import assert from "node:assert/strict";
import { test } from "node:test";
import { PACK_FOOTER_BYTES, decodeTrailer, encodeTrailer, trailerBytes } from "./pack.ts";
import { readFooter, writeFooter } from "./pack.ts";

const name = new Uint8Array(32).fill(9);
const broken = { name: "InvariantError" };

test("a trailer has the length that was asked for, and refuses less than it needs", () => {
  const entries = [{ name, offset: 0, lengthBytes: 50 }];
  assert.equal(trailerBytes(1), 46);
  assert.equal(encodeTrailer("data", entries, 46).length, 46);
  assert.deepEqual(decodeTrailer(encodeTrailer("data", entries, 100)), { kind: "data", entries });
  assert.throws(() => encodeTrailer("data", entries, 45), broken);
});

test("encodeTrailer() refuses entries that decodeTrailer() would", () => {
  const encode = (...places: [offset: number, lengthBytes: number][]): Uint8Array => {
    const entries = places.map(([offset, lengthBytes]) => ({ name, offset, lengthBytes }));
    return encodeTrailer("data", entries, 1000);
  };
  assert.doesNotThrow(() => encode([0, 10], [10, 5], [20, 1]));
  assert.throws(() => encode([0, 10], [9, 5]), broken);
  assert.throws(() => encode([0, 0]), broken);
  assert.throws(() => encode([0, 2 ** 24 + 1]), broken);
});

test("a trailer of a hundred thousand chunks comes back", () => {
  const entries = Array.from({ length: 100_000 }, (_, index) => ({
    name: new Uint8Array(32).fill(index),
    offset: index * 100,
    lengthBytes: 100,
  }));
  const bytes = encodeTrailer("tree", entries, trailerBytes(entries.length));
  const back = decodeTrailer(bytes);
  assert.equal(back.kind, "tree");
  assert.equal(back.entries.length, entries.length);
  assert.deepEqual(back.entries.at(-1), entries.at(-1));
});

test("a footer is read where a view into a larger buffer ends", () => {
  const pack = new Uint8Array(1000).fill(1);
  const footer = { trailerHash: new Uint8Array(32).fill(5), sealedBytes: 77 };
  writeFooter(pack, 900, footer);
  assert.deepEqual(readFooter(pack.subarray(900, 900 + PACK_FOOTER_BYTES)), footer);
  assert.equal(pack[899], 1);
  assert.equal(pack[940], 1);
});
