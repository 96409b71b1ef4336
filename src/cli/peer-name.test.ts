import assert from "node:assert/strict";
import { test } from "node:test";
import { resolvePeer, shortId } from "./peer-name.ts";

const COMMON = "k5x2ab";
const ONE = { id: `${COMMON}c${"a".repeat(45)}` };
const OTHER = { id: `${COMMON}d${"a".repeat(45)}` };

test("resolvePeer() takes a whole id, known or not, and the beginning of one that is known", () => {
  assert.equal(resolvePeer("z".repeat(52), []), "z".repeat(52));
  assert.equal(resolvePeer(`${COMMON}c`, [ONE, OTHER]), ONE.id);
  assert.equal(resolvePeer(shortId(OTHER.id), [ONE, OTHER]), OTHER.id);
});

test("resolvePeer() refuses what is short, foreign, unknown or several peers'", () => {
  const refused: [string, RegExp][] = [
    [COMMON, /2 ids begin so/],
    ["k5x2a", /wanted an id/],
    ["", /wanted an id/],
    ["K5X2ABC", /wanted an id/],
    ["\u001b[2Jabcdefg", /wanted an id/],
    ["zzzzzz", /no known peer/],
  ];
  for (const [text, message] of refused) {
    assert.throws(
      () => resolvePeer(text, [ONE, OTHER]),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, "USAGE");
        assert.match(error.message, message);
        return !error.message.includes("\u001b");
      },
    );
  }
});
