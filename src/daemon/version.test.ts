import assert from "node:assert/strict";
import { test } from "node:test";
import { VERSION, isOlder } from "./version.ts";

const ascending = [
  "0.1.0-alpha",
  "0.1.0-beta",
  "0.1.0",
  "0.1.2",
  "0.1.10",
  "0.2.0",
  "1.0.0-rc.1",
  "1.0.0",
];

test("isOlder() orders versions by number, a pre-release before its release", () => {
  for (const [index, a] of ascending.entries()) {
    for (const [other, b] of ascending.entries())
      assert.equal(isOlder(a, b), index < other, `${a} ${b}`);
  }
});

test("isOlder() takes what is no version for older", () => {
  assert.equal(isOlder("?", "1.0.0"), true);
  assert.equal(isOlder("1.0.0", "?"), false);
  assert.equal(isOlder("?", "??"), false);
});

test("VERSION is a version", () => assert.match(VERSION, /^\d+\.\d+\.\d+/));
