import assert from "node:assert/strict";
import { test } from "node:test";
import { idOf } from "../../base/id.ts";
import { hash } from "../../crypto/hash.node.ts";
import { RELAY_CANDIDATES_MAX, RELAY_TRIES, RELAY_WAITS } from "./limits.ts";
import { rankRelays } from "./rank.ts";

const idFrom = (text: string): string => idOf(hash(Buffer.from(text)));
const relays = Array.from({ length: 40 }, (_, number) => idFrom(`relay ${number}`));

test("rankRelays() gives everybody the same order, whatever order they know relays in", () => {
  const home = idFrom("home");
  const ranked = rankRelays(relays, home);
  assert.deepEqual(rankRelays(relays.toReversed(), home), ranked);
  assert.deepEqual(ranked.toSorted(), relays.toSorted());
});

test("a dialler that knows a few relays more or less finds most homes", () => {
  let foundCount = 0;
  for (let number = 0; number < 200; number++) {
    const home = idFrom(`home ${number}`);
    const waits = rankRelays(relays.slice(4), home).slice(0, RELAY_WAITS);
    const tries = rankRelays(relays.slice(0, -4), home).slice(0, RELAY_TRIES);
    if (tries.some((relay) => waits.includes(relay))) foundCount++;
  }
  assert.ok(foundCount > 180, `${foundCount} of 200`);
});

test("homes are spread over all relays", () => {
  const firsts = Array.from({ length: 400 }, (_, number) => {
    return rankRelays(relays, idFrom(`home ${number}`))[0];
  });
  assert.ok(new Set(firsts).size > 35);
});

test("of many relays the best are considered, whatever order they are known in", () => {
  const many = Array.from({ length: 200 }, (_, number) => idFrom(`${number}`));
  const ranked = rankRelays(many, idFrom("home"));
  assert.equal(ranked.length, RELAY_CANDIDATES_MAX);
  assert.deepEqual(rankRelays(many.toReversed(), idFrom("home")), ranked);
});
