import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { flippedBits } from "../../tests/flips.ts";
import { fromHex, readVectors, toHex } from "../../tests/vectors/read.ts";
import { readChunkHeader } from "../codec/chunk.ts";
import { CodecError } from "../codec/error.ts";
import { CHUNK_OVERHEAD_BYTES, chunkNameOf, openChunk, sealChunk, sealPayload } from "./chunk.ts";
import { ObjectError } from "./error.ts";
import { deriveVolumeKeys, gearTable, headSeed } from "./keys.ts";
import { openTrailer } from "./pack.ts";

interface ChunkVector {
  what: string;
  raw: string;
  payload: string;
  compressed: boolean;
  name: string;
  sealed: string;
}
interface Vectors {
  secret: string;
  keys: Record<string, string>;
  gearTableStart: string;
  headSeed: { device: string; seed: string };
  chunks: ChunkVector[];
  pack: { bytes: string; kind: string; chunks: number[] };
}
const vectors = readVectors("chunk") as Vectors;
const keys = deriveVolumeKeys(fromHex(vectors.secret));

function seal(raw: Uint8Array): Uint8Array {
  const target = new Uint8Array(raw.length + CHUNK_OVERHEAD_BYTES);
  return target.subarray(0, sealChunk(keys, chunkNameOf(keys, raw), raw, target, 0));
}

function chunkAt(index: number): ChunkVector {
  const chunk = vectors.chunks[index];
  assert.ok(chunk);
  return chunk;
}

describe("chunk", () => {
  test("vector: the keys of a volume", () => {
    const derived = Object.entries(keys).map(([name, key]) => [name, toHex(key as Uint8Array)]);
    assert.deepEqual(Object.fromEntries(derived), vectors.keys);
    assert.equal(toHex(gearTable(keys.gear, 64)), vectors.gearTableStart);
    const { device, seed } = vectors.headSeed;
    assert.equal(toHex(headSeed(keys, fromHex(device))), seed);
  });

  for (const { what, raw, payload, compressed, name, sealed } of vectors.chunks) {
    test(`vector: ${what}`, () => {
      const bytes = fromHex(raw);
      assert.equal(toHex(chunkNameOf(keys, bytes)), name);
      const target = new Uint8Array(bytes.length + CHUNK_OVERHEAD_BYTES + 99);
      const made = sealPayload(
        keys,
        fromHex(name),
        fromHex(payload),
        compressed,
        bytes.length,
        target,
        7,
      );
      assert.equal(toHex(target.subarray(7, 7 + made)), sealed);
      assert.equal(toHex(openChunk(keys, fromHex(name), fromHex(sealed))), raw);
      const place = new Uint8Array(bytes.length);
      assert.equal(toHex(openChunk(keys, fromHex(name), fromHex(sealed), place)), raw);
    });
  }

  test("vector: a pack names its chunks, and each opens", () => {
    const pack = fromHex(vectors.pack.bytes);
    const { kind, entries } = openTrailer(keys, pack);
    assert.equal(kind, vectors.pack.kind);
    assert.equal(entries.length, vectors.pack.chunks.length);
    for (const [position, index] of vectors.pack.chunks.entries()) {
      const entry = entries[position];
      assert.ok(entry);
      const sealed = pack.subarray(entry.offset, entry.offset + entry.lengthBytes);
      assert.equal(toHex(openChunk(keys, entry.name, sealed)), chunkAt(index).raw);
    }
  });

  test("two encoders of one plaintext meet one key, but never one nonce", () => {
    const [first, second] = [chunkAt(2), chunkAt(3)];
    assert.equal(first.name, second.name);
    assert.notEqual(first.payload, second.payload);
    const nonceOf = (vector: ChunkVector): string =>
      toHex(readChunkHeader(fromHex(vector.sealed)).nonce);
    assert.notEqual(nonceOf(first), nonceOf(second));
  });

  test("any bytes come back, and are sealed to the same bytes again", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(fc.nat(255), fc.nat(70_000)).map(([byte, n]) => new Uint8Array(n).fill(byte)),
    );
    fc.assert(
      fc.property(bytes, (raw) => {
        const sealed = seal(raw);
        assert.deepEqual(seal(raw), sealed);
        const opened = openChunk(keys, chunkNameOf(keys, raw), sealed);
        assert.equal(Buffer.compare(opened, raw), 0);
      }),
      { numRuns: 60 },
    );
  });

  test("openChunk() refuses every flipped bit, every cut, and the place of another chunk", () => {
    const refused = (name: Uint8Array, sealed: Uint8Array): void => {
      assert.throws(
        () => openChunk(keys, name, sealed),
        (error: unknown) => error instanceof ObjectError || error instanceof CodecError,
      );
    };
    for (const { name, sealed } of [chunkAt(0), chunkAt(2)]) {
      for (const { forged } of flippedBits(fromHex(sealed))) refused(fromHex(name), forged);
      for (const { forged } of flippedBits(fromHex(name))) refused(forged, fromHex(sealed));
      for (let cut = 0; cut < sealed.length; cut += 2) {
        refused(fromHex(name), fromHex(sealed.slice(0, cut)));
      }
    }
    refused(fromHex(chunkAt(0).name), fromHex(chunkAt(2).sealed));
  });

  test("openTrailer() refuses every flipped bit of trailer and footer", () => {
    const pack = fromHex(vectors.pack.bytes);
    const { entries } = openTrailer(keys, pack);
    const last = entries.at(-1);
    assert.ok(last);
    const chunks = pack.subarray(0, last.offset + last.lengthBytes);
    for (const { bit, forged } of flippedBits(pack.subarray(chunks.length))) {
      const whole = new Uint8Array([...chunks, ...forged]);
      assert.throws(
        () => openTrailer(keys, whole),
        (error: unknown) => error instanceof ObjectError || error instanceof CodecError,
        `bit ${bit}`,
      );
    }
  });

  test("openChunk() refuses a frame that is longer than its header says", () => {
    const raw = new Uint8Array(5000);
    const target = new Uint8Array(raw.length + CHUNK_OVERHEAD_BYTES);
    const frame = fromHex(chunkAt(2).payload);
    const name = fromHex(chunkAt(2).name);
    const made = sealPayload(keys, name, frame, true, 10, target, 0);
    assert.throws(() => openChunk(keys, name, target.subarray(0, made)), { code: "CHUNK_FORGED" });
  });
});
