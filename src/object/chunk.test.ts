import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { constants, zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import { flippedBits } from "../../tests/flips.ts";
import { noise, prose } from "../../tests/noise.ts";
import { fromHex, readVectors, toHex } from "../../tests/vectors/read.ts";
import { CHUNK_MAX_BYTES, KIB, MIB } from "../base/limits.ts";
import { CHUNK_HEADER_BYTES, readChunkHeader } from "../codec/chunk.ts";
import { CodecError } from "../codec/error.ts";
import { createArena } from "../kernels/arena.ts";
import { CHUNK_OVERHEAD_BYTES, chunkNameOf, openChunk, rawBytesOf } from "./chunk.ts";
import { sealChunk, sealPayload } from "./chunk.ts";
import { ObjectError } from "./error.ts";
import { deriveVolumeKeys } from "./keys.ts";

interface ChunkVectors {
  secret: string;
  accept: {
    what: string;
    raw: string;
    name: string;
    payload: string;
    zstd: boolean;
    sealed: string;
  }[];
  refuse: { what: string; name: string; sealed: string; code: string }[];
}
const vectors = readVectors("chunk") as ChunkVectors;
const keys = deriveVolumeKeys(fromHex(vectors.secret));
const SIZES = [0, 1, 63, 64, 65, 64 * KIB, MIB, CHUNK_MAX_BYTES];

function seal(raw: Uint8Array): { name: Uint8Array; sealed: Uint8Array } {
  const name = chunkNameOf(keys, raw);
  const target = new Uint8Array(raw.length + CHUNK_OVERHEAD_BYTES);
  return { name, sealed: target.subarray(0, sealChunk(keys, name, raw, target, 0)) };
}

function sealAs(raw: Uint8Array, payload: Uint8Array, compressed: boolean): Uint8Array {
  const target = new Uint8Array(payload.length + CHUNK_OVERHEAD_BYTES);
  const name = chunkNameOf(keys, raw);
  sealPayload(keys, name, payload, compressed, raw.length, target, 0);
  return target;
}

function frameOf(raw: Uint8Array, level: number): Uint8Array {
  return zstdCompressSync(raw, { params: { [constants.ZSTD_c_compressionLevel]: level } });
}

const nonceOf = (sealed: Uint8Array): string => toHex(readChunkHeader(sealed).nonce);

/** Opens with and without a place for the bytes; both must refuse. */
function assertRefused(name: Uint8Array, sealed: Uint8Array, code?: string): void {
  for (const target of [undefined, new Uint8Array(1000)]) {
    assert.throws(
      () => openChunk(keys, name, sealed, target),
      (error: unknown) =>
        (error instanceof ObjectError || error instanceof CodecError) &&
        (code === undefined || error.code === code),
    );
  }
}

describe("chunk", () => {
  for (const vector of vectors.accept) {
    test(`vector: ${vector.what}`, () => {
      const raw = fromHex(vector.raw);
      const name = chunkNameOf(keys, raw);
      assert.equal(toHex(name), vector.name);
      assert.equal(toHex(sealAs(raw, fromHex(vector.payload), vector.zstd)), vector.sealed);
      assert.deepEqual(openChunk(keys, name, fromHex(vector.sealed)), raw);
    });
  }

  for (const { what, name, sealed, code } of vectors.refuse) {
    test(`vector: openChunk() refuses ${what}`, () => {
      assertRefused(fromHex(name), fromHex(sealed), code);
    });
  }

  for (const [what, bytesOf] of [
    ["noise", noise],
    ["prose", prose],
  ] as const) {
    test(`${what} of every size comes back, into a place and into a fresh array`, () => {
      for (const size of SIZES) {
        const raw = bytesOf(size, size);
        const { name, sealed } = seal(raw);
        assert.ok(sealed.length <= size + CHUNK_OVERHEAD_BYTES);
        if (what === "prose" && size > 1000) assert.ok(sealed.length < size / 2);
        assert.equal(rawBytesOf(sealed), size);
        assert.ok(Buffer.from(raw).equals(openChunk(keys, name, sealed)));
        const place = new Uint8Array(size + 3);
        const opened = openChunk(keys, name, sealed, place);
        assert.equal(opened.buffer, place.buffer);
        assert.ok(Buffer.from(raw).equals(opened));
        const tooSmall = new Uint8Array(Math.max(size - 1, 0));
        if (size > 0) assert.throws(() => openChunk(keys, name, sealed, tooSmall), ObjectError);
      }
    });
  }

  test("a chunk is sealed and opened where it lies in shared memory", () => {
    const { bytes, dataAt } = createArena(4 * MIB);
    for (const raw of [noise(MIB, 1), prose(MIB, 2)]) {
      bytes.set(raw, dataAt);
      const place = bytes.subarray(dataAt, dataAt + raw.length);
      const name = chunkNameOf(keys, place);
      assert.deepEqual(name, chunkNameOf(keys, raw));
      const length = sealChunk(keys, name, place, bytes, dataAt + MIB);
      const sealed = bytes.subarray(dataAt + MIB, dataAt + MIB + length);
      assert.deepEqual(sealed.slice(), seal(raw).sealed);
      const target = bytes.subarray(dataAt + 3 * MIB, dataAt + 4 * MIB);
      assert.ok(Buffer.from(raw).equals(openChunk(keys, name, sealed, target)));
    }
  });

  test("one key never meets one nonce with two payloads, whichever encoder made them", () => {
    for (const size of [64, 1000, 64 * KIB, MIB]) {
      const raw = prose(size, 3);
      const frames = [1, 3, 12, 19].map((level) => frameOf(raw, level));
      const payloads = new Map([raw, ...frames].map((payload) => [toHex(payload), payload]));
      const nonces = new Map<string, string>();
      for (const [hex, payload] of payloads) {
        const sealed = sealAs(raw, payload, payload !== raw);
        assert.deepEqual(sealAs(raw, payload, payload !== raw), sealed, "the same each time");
        assert.equal(nonces.get(nonceOf(sealed)), undefined);
        nonces.set(nonceOf(sealed), hex);
        assert.ok(Buffer.from(raw).equals(openChunk(keys, chunkNameOf(keys, raw), sealed)));
      }
      if (size > 64) assert.ok(nonces.size > 2, "the encoders differ, so the test is one");
    }
  });

  test("the nonce binds flag and length too: header and payload are never the same twice", () => {
    const raw = noise(100, 4);
    const name = chunkNameOf(keys, raw);
    const nonces = [
      [false, 100],
      [true, 100],
      [false, 101],
    ].map(([compressed, rawBytes]) => {
      const target = new Uint8Array(raw.length + CHUNK_OVERHEAD_BYTES);
      sealPayload(keys, name, raw, compressed === true, Number(rawBytes), target, 0);
      return nonceOf(target);
    });
    assert.equal(new Set(nonces).size, 3);
  });

  test("openChunk() refuses every flipped bit of a chunk", () => {
    for (const raw of [noise(9, 5), prose(150, 6), new Uint8Array()]) {
      const { name, sealed } = seal(raw);
      for (const { forged } of flippedBits(sealed)) assertRefused(name, forged);
      for (const { forged } of flippedBits(name)) assertRefused(forged, sealed, "CHUNK_FORGED");
    }
  });

  test("openChunk() refuses every cut and what follows the end", () => {
    const { name, sealed } = seal(prose(150, 7));
    for (let length = 0; length < sealed.length; length++) {
      assertRefused(name, sealed.slice(0, length));
    }
    assertRefused(name, new Uint8Array([...sealed, 0]), "CHUNK_FORGED");
  });

  test("openChunk() refuses a chunk that lies where another belongs, and another volume's", () => {
    const [one, two] = [seal(noise(500, 8)), seal(noise(500, 9))];
    assertRefused(one.name, two.sealed, "CHUNK_FORGED");
    const others = deriveVolumeKeys(new Uint8Array(32).fill(1));
    assert.throws(() => openChunk(others, one.name, one.sealed), { code: "CHUNK_FORGED" });
  });

  test("openChunk() refuses a decompression bomb without unpacking it", () => {
    const bomb = bombOf(1 << 13);
    const raw = new Uint8Array(CHUNK_MAX_BYTES);
    const before = process.resourceUsage().maxRSS;
    for (const rawBytes of [100, CHUNK_MAX_BYTES]) {
      const target = new Uint8Array(bomb.length + CHUNK_OVERHEAD_BYTES);
      const name = chunkNameOf(keys, raw.subarray(0, rawBytes));
      sealPayload(keys, name, bomb, true, rawBytes, target, 0);
      assertRefused(name, target, "CHUNK_FORGED");
    }
    const grownKib = process.resourceUsage().maxRSS - before;
    assert.ok(grownKib < 64 * KIB, `1 GiB took ${grownKib} KiB`);
  });

  test("whatever the bytes are, openChunk() throws nothing but its codes", () => {
    const { name, sealed } = seal(prose(200, 10));
    const change = fc.array(fc.tuple(fc.nat(sealed.length - 1), fc.nat(255)), { minLength: 1 });
    fc.assert(
      fc.property(change, fc.uint8Array({ maxLength: 60 }), (changes, bytes) => {
        const forged = sealed.slice();
        for (const [at, byte] of changes) forged[at] = byte;
        if (!Buffer.from(forged).equals(sealed)) assertRefused(name, forged);
        assertRefused(name, bytes);
        assertRefused(name, new Uint8Array([...sealed.subarray(0, CHUNK_HEADER_BYTES), ...bytes]));
      }),
      { numRuns: 200 },
    );
  });
});

/** A zstd frame of `blocks` run-length blocks, each 128 KiB of zeros in 4 bytes (RFC 8878,
 * 3.1.1). */
function bombOf(blocks: number): Uint8Array {
  const frame = new Uint8Array(6 + blocks * 4);
  frame.set([0x28, 0xb5, 0x2f, 0xfd, 0, 0x38]);
  for (let block = 0; block < blocks; block++) {
    const head = ((128 * KIB) << 3) | (1 << 1) | (block === blocks - 1 ? 1 : 0);
    frame.set([head & 255, (head >> 8) & 255, head >> 16, 0], 6 + block * 4);
  }
  return frame;
}
