import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { flippedBits } from "./flips.ts";
import { FORMATS } from "./formats.ts";
import type { Format } from "./formats.ts";
import { SWARM_FORMATS } from "./formats-swarm.ts";
import { fromHex, readVectors, toHex } from "./vectors/read.ts";
import { CodecError } from "../src/codec/error.ts";

interface Vectors {
  accept: { name: string; value: unknown; bytes: string }[];
  refuse: { name: string; code: string; bytes: string }[];
}

/** A value as the vectors write it: bytes in hexadecimal, big integers as text. */
function toJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== "object" || value === null) return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, toJson(part)]));
}

/** Whatever the bytes are: a coded refusal, or a value whose one encoding they are. */
function checkAny(format: Format, bytes: Uint8Array): void {
  let again: Uint8Array;
  try {
    again = format.recode(bytes);
  } catch (error) {
    if (error instanceof CodecError) return;
    throw new Error(`${format.name}: ${toHex(bytes)} is neither read nor refused`, {
      cause: error,
    });
  }
  const told = format.name === "chunk-header" ? bytes.subarray(0, again.length) : bytes;
  assert.equal(toHex(again), toHex(told));
}

for (const format of [...FORMATS, ...SWARM_FORMATS]) {
  const vectors = readVectors(format.name) as Vectors;

  describe(format.name, () => {
    for (const { name, value, bytes } of vectors.accept) {
      test(`vector: ${name}`, () => {
        assert.deepEqual(toJson(format.decode(fromHex(bytes))), value);
        assert.equal(toHex(format.recode(fromHex(bytes))), bytes);
      });
    }

    for (const { name, code, bytes } of vectors.refuse) {
      test(`vector: refuses ${name}`, () => {
        assert.throws(
          () => format.decode(fromHex(bytes)),
          (error: unknown) => error instanceof CodecError && error.code === code,
        );
      });
    }

    test("any value comes back", () => {
      const back = fc.property(format.samples, ({ value, bytes }) => {
        assert.deepEqual(toJson(format.decode(bytes)), toJson(value));
      });
      fc.assert(back, { numRuns: 60 });
    });

    test("every flipped bit is refused or read as another value", () => {
      for (const { bytes } of fc.sample(format.samples, { numRuns: 2, seed: 1 })) {
        const small = bytes.subarray(0, 2000);
        for (const { forged } of flippedBits(small)) checkAny(format, forged);
      }
    });

    test("every cut and every byte too many is refused or read as another value", () => {
      for (const { bytes } of fc.sample(format.samples, { numRuns: 2, seed: 2 })) {
        for (let length = 0; length < Math.min(bytes.length, 500); length++) {
          checkAny(format, bytes.slice(0, length));
        }
        checkAny(format, new Uint8Array([...bytes, 0]));
        checkAny(format, new Uint8Array([...bytes, 0xff]));
      }
    });

    test("random and mutated bytes are refused with a code of the codec", () => {
      const random = fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        checkAny(format, bytes);
      });
      fc.assert(random, { numRuns: 100 });
      const place = fc.tuple(fc.nat(), fc.nat(255));
      const mutated = fc.property(
        format.samples,
        fc.array(place, { minLength: 1, maxLength: 4 }),
        ({ bytes }, changes) => {
          const forged = bytes.slice();
          for (const [at, byte] of changes) forged[at % forged.length] = byte;
          checkAny(format, forged);
        },
      );
      fc.assert(mutated, { numRuns: 200 });
    });
  });
}
