import assert from "node:assert/strict";
import { test } from "node:test";
import { flippedBits } from "../../tests/flips.ts";
import { noise, prose } from "../../tests/noise.ts";
import { fromHex, readVectors, toHex } from "../../tests/vectors/read.ts";
import { KIB, PACK_CHUNKS_MAX } from "../base/limits.ts";
import { padmeBytes } from "../base/padme.ts";
import { CodecError } from "../codec/error.ts";
import { PACK_FOOTER_BYTES, trailerBytes } from "../codec/pack.ts";
import { TAG_BYTES } from "../crypto/seal.node.ts";
import { CHUNK_OVERHEAD_BYTES, chunkNameOf, openChunk } from "./chunk.ts";
import { ObjectError } from "./error.ts";
import { deriveVolumeKeys } from "./keys.ts";
import { PACK_OVERHEAD_BYTES, PackBuilder, openTrailer } from "./pack.ts";

interface PackVector {
  secret: string;
  kind: string;
  alignBytes: number;
  raws: string[];
  entries: { name: string; offset: number; lengthBytes: number }[];
  pack: string;
}
const vector = readVectors("pack") as PackVector;
const keys = deriveVolumeKeys(fromHex(vector.secret));

function packOf(raws: readonly Uint8Array[], alignBytes: number, roomBytes: number): Uint8Array {
  const buffer = noise(roomBytes, 99);
  const builder = new PackBuilder(keys, "data", buffer);
  for (const raw of raws) builder.add(chunkNameOf(keys, raw), raw);
  return buffer.subarray(0, builder.finish(alignBytes));
}

const isRefusal = (error: unknown): boolean =>
  error instanceof CodecError || (error instanceof ObjectError && error.code === "PACK_FORGED");

test("vector: a pack of three chunks is made and read", () => {
  const raws = vector.raws.map(fromHex);
  assert.equal(toHex(packOf(raws, vector.alignBytes, 64 * KIB)), vector.pack);
  const { kind, entries } = openTrailer(keys, fromHex(vector.pack));
  assert.equal(kind, vector.kind);
  const told = entries.map(({ name, ...place }) => ({ name: toHex(name), ...place }));
  assert.deepEqual(told, vector.entries);
});

test("a pack is filled until nothing fits, and its trailer names every chunk in it", () => {
  const buffer = noise(256 * KIB, 1);
  const builder = new PackBuilder(keys, "tree", buffer);
  const raws: Uint8Array[] = [];
  for (let seed = 0; ; seed++) {
    const raw = seed % 2 === 0 ? noise(seed * 100, seed) : prose(seed * 100, seed);
    if (!builder.fits(raw.length)) break;
    raws.push(raw);
    const entry = builder.add(chunkNameOf(keys, raw), raw);
    assert.deepEqual(entry, builder.entries.at(-1));
  }
  const packBytes = builder.finish(4096);
  assert.equal(packBytes % 4096, 0);
  assert.ok(packBytes <= buffer.length);
  const pack = buffer.slice(0, packBytes);
  const { kind, entries } = openTrailer(keys, pack);
  assert.equal(kind, "tree");
  assert.deepEqual(entries, builder.entries);
  entries.forEach(({ name, offset, lengthBytes }, index) => {
    const sealed = pack.subarray(offset, offset + lengthBytes);
    assert.deepEqual(new Uint8Array(openChunk(keys, name, sealed)), raws[index]);
  });
});

test("a chunk that fits exactly fills the pack, one byte more does not fit", () => {
  const room = 8192;
  const exactly = room - CHUNK_OVERHEAD_BYTES - PACK_OVERHEAD_BYTES;
  const builder = new PackBuilder(keys, "data", new Uint8Array(room));
  assert.equal(builder.fits(exactly + 1), false);
  assert.equal(builder.fits(exactly), true);
  assert.throws(() => builder.add(new Uint8Array(32), noise(exactly + 1, 1)), /invariant/);
  const pack = packOf([noise(exactly, 2)], 64, room);
  assert.equal(pack.length, room);
  assert.equal(openTrailer(keys, pack).entries.length, 1);
});

test("a pack's length is the aligned Padmé length of what is in it", () => {
  for (const rawBytes of [0, 1, 1000, 5000, 70_000, 300_000]) {
    for (const alignBytes of [64, 320, 4096]) {
      const least = rawBytes + CHUNK_OVERHEAD_BYTES + PACK_OVERHEAD_BYTES;
      const pack = packOf([noise(rawBytes, 3)], alignBytes, 1024 * KIB);
      assert.equal(pack.length % alignBytes, 0);
      assert.equal(pack.length, Math.ceil(padmeBytes(least) / alignBytes) * alignBytes);
      assert.equal(openTrailer(keys, pack).entries.length, 1);
    }
  }
});

test("the same chunks make the same bytes, whatever lay in the buffer", () => {
  const raws = [noise(1000, 4), prose(3000, 5)];
  const pack = packOf(raws, 64, 64 * KIB).slice();
  const buffer = new Uint8Array(64 * KIB);
  const builder = new PackBuilder(keys, "data", buffer);
  for (const raw of raws) builder.add(chunkNameOf(keys, raw), raw);
  assert.deepEqual(buffer.slice(0, builder.finish(64)), pack);
});

test("a pack does not keep what its caller changes afterwards", () => {
  const name = chunkNameOf(keys, noise(10, 6));
  const before = toHex(name);
  const builder = new PackBuilder(keys, "data", new Uint8Array(4096));
  builder.add(name, noise(10, 6));
  name.fill(0);
  assert.equal(toHex(builder.entries[0]?.name ?? name), before);
});

test("a pack takes so many chunks and no more, however small they are", () => {
  const builder = new PackBuilder(keys, "data", new Uint8Array(4096 * KIB));
  const raw = Uint8Array.of(1);
  const name = chunkNameOf(keys, raw);
  for (let count = 0; count < PACK_CHUNKS_MAX; count++) builder.add(name, raw);
  assert.equal(builder.fits(0), false);
});

test("openTrailer() refuses every flipped bit of trailer and footer", () => {
  const pack = packOf([noise(40, 7)], 64, 4096).slice();
  const trailerAt = 40 + CHUNK_OVERHEAD_BYTES;
  assert.ok(trailerAt + trailerBytes(1) + TAG_BYTES + PACK_FOOTER_BYTES <= pack.length);
  for (const { bit, forged } of flippedBits(pack)) {
    if (bit >= trailerAt * 8) assert.throws(() => openTrailer(keys, forged), isRefusal);
    else assert.equal(openTrailer(keys, forged).entries.length, 1);
  }
});

test("openTrailer() refuses every cut, other keys, and another pack's trailer", () => {
  const pack = packOf([noise(40, 8)], 64, 4096).slice();
  for (let length = 0; length < pack.length; length++) {
    assert.throws(() => openTrailer(keys, pack.slice(0, length)), isRefusal);
  }
  assert.throws(() => openTrailer(keys, new Uint8Array([...pack, 0])), isRefusal);
  const others = deriveVolumeKeys(new Uint8Array(32).fill(1));
  assert.throws(() => openTrailer(others, pack), { code: "PACK_FORGED" });
  const mixed = pack.slice();
  mixed.set(packOf([noise(40, 9)], 64, 4096).subarray(-PACK_FOOTER_BYTES), pack.length - 40);
  assert.throws(() => openTrailer(keys, mixed), { code: "PACK_FORGED" });
});

test("openTrailer() refuses a footer whose trailer begins before the pack", () => {
  const pack = packOf([noise(40, 10)], 64, 4096).slice();
  const view = new DataView(pack.buffer);
  for (const sealedBytes of [0, 15, pack.length - PACK_FOOTER_BYTES + 1, 16 * 1024 * KIB]) {
    view.setUint32(pack.length - 8, sealedBytes, true);
    assert.throws(() => openTrailer(keys, pack), { code: "PACK_FORGED" });
  }
});
