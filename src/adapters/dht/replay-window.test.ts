import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DATAGRAM_WINDOW } from "./limits.ts";
import { ReplayWindow } from "./replay-window.ts";

test("a counter is fresh once, and only within the window", () => {
  const near = fc.integer({ min: 0, max: 3 * DATAGRAM_WINDOW });
  const far = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(fc.array(fc.oneof(near, far), { maxLength: 200 }), (counters) => {
      const window = new ReplayWindow();
      const seen = new Set<number>();
      let newest = -1;
      for (const counter of counters) {
        const expected = !seen.has(counter) && newest - counter < DATAGRAM_WINDOW;
        assert.equal(window.isFresh(counter), expected);
        if (!expected) continue;
        window.mark(counter);
        seen.add(counter);
        newest = Math.max(newest, counter);
      }
    }),
  );
});
