import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSpan } from "./span.ts";

const RANGE = [1, 90 * 86_400_000] as const;

test("parseSpan() reads minutes, hours, days and weeks, and refuses the rest", () => {
  assert.equal(parseSpan("30m", "--x", RANGE), 1_800_000);
  assert.equal(parseSpan("12h", "--x", RANGE), 43_200_000);
  assert.equal(parseSpan("7d", "--x", RANGE), 604_800_000);
  assert.equal(parseSpan("2w", "--x", RANGE), 1_209_600_000);
  assert.equal(parseSpan("0d", "--x", [0, 1]), 0);
  for (const text of ["", "7", "d", "7 d", "-1d", "1y", "7d ", "1e3d", "1234567d", "0d", "91d"]) {
    assert.throws(() => parseSpan(text, "--x", RANGE), { code: "USAGE" }, text);
  }
});
