import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { padmeBytes } from "./padme.ts";

test("a padded length is at most 12 % longer, and stays when it is padded again", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (lengthBytes) => {
      const padded = padmeBytes(lengthBytes);
      assert.ok(padded >= lengthBytes);
      assert.ok(padded <= lengthBytes * 1.12);
      assert.equal(padmeBytes(padded), padded);
    }),
    { numRuns: 2000 },
  );
});

test("few lengths are left: under 1,000 of the first 16 million", () => {
  const lengths = new Set<number>();
  for (let length = 1; length <= 2 ** 24; length += 997) lengths.add(padmeBytes(length));
  assert.ok(lengths.size < 1000, `${lengths.size} lengths`);
});
