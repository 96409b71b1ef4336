import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSpan } from "./span.ts";

test("parseSpan() reads minutes, hours, days and weeks, and refuses the rest", () => {
  assert.equal(parseSpan("30m", "--x"), 1_800_000);
  assert.equal(parseSpan("12h", "--x"), 43_200_000);
  assert.equal(parseSpan("7d", "--x"), 604_800_000);
  assert.equal(parseSpan("2w", "--x"), 1_209_600_000);
  for (const text of ["", "7", "d", "7 d", "-1d", "1y", "7d ", "1e3d", "1234567d"]) {
    assert.throws(() => parseSpan(text, "--x"), { code: "USAGE" }, text);
  }
});
