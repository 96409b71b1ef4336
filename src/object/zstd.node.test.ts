import assert from "node:assert/strict";
import { test } from "node:test";
import { noise, prose } from "../../tests/noise.ts";
import { compressIfSmaller, decompress } from "./zstd.node.ts";

test("what compresses is compressed and comes back, what does not is left as it is", () => {
  for (const length of [64, 1000, 65_536, 65_537, 1_000_000]) {
    const raw = prose(length, 1);
    const frame = compressIfSmaller(raw);
    if (length > 1000) assert.ok(frame !== undefined && frame.length < length * 0.95);
    if (frame !== undefined) assert.deepEqual(decompress(frame, length), raw);
    assert.equal(compressIfSmaller(noise(length, 1)), undefined);
  }
});

test("a sample from the middle decides for long bytes, the result for short ones", () => {
  const long = noise(200_000, 2);
  long.fill(0, 0, 60_000);
  assert.equal(compressIfSmaller(long), undefined, "the middle does not compress");
  const reverse = prose(200_000, 2);
  reverse.set(noise(60_000, 3), 0);
  reverse.set(noise(60_000, 4), 140_000);
  const frame = compressIfSmaller(reverse);
  assert.ok(frame !== undefined, "the whole saves 5 %");
  const little = noise(50_000, 5);
  little.fill(0, 0, 2000);
  assert.equal(compressIfSmaller(little), undefined, "4 % are too few");
});

test("decompress() gives nothing for another length, a cut frame and what is no frame", () => {
  const raw = prose(5000, 6);
  const frame = compressIfSmaller(raw);
  assert.ok(frame !== undefined);
  for (const wrong of [0, 1, 4999, 5001, 1_000_000]) {
    assert.equal(decompress(frame, wrong), undefined);
  }
  for (const cut of [0, 1, 4, 10, frame.length - 1]) {
    assert.equal(decompress(frame.subarray(0, cut), 5000), undefined);
  }
  assert.equal(decompress(noise(100, 7), 5000), undefined);
});
