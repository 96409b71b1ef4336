import assert from "node:assert/strict";
import { test } from "node:test";
import { Handshakes } from "./handshakes.ts";
import { HANDSHAKE_MS, HANDSHAKES_MAX, HANDSHAKES_PER_PEER_MAX } from "./limits.ts";

test("begin() takes so many of one peer, and so many in all", () => {
  const handshakes = new Handshakes(() => 0);
  const begun = (peer: string, count: number): number =>
    Array.from({ length: count }, (_, at) => handshakes.begin(peer, at)).filter(Boolean).length;
  assert.equal(begun("flooder", HANDSHAKES_MAX), HANDSHAKES_PER_PEER_MAX);
  const others = HANDSHAKES_MAX - HANDSHAKES_PER_PEER_MAX;
  let taken = 0;
  for (let each = 0; each < HANDSHAKES_MAX; each++) taken += begun(`peer ${each}`, 1);
  assert.equal(taken, others);
});

test("a handshake that leads to a session, or to none for long, makes room", () => {
  let nowMs = 0;
  const handshakes = new Handshakes(() => nowMs);
  for (let at = 0; at < HANDSHAKES_PER_PEER_MAX; at++) handshakes.begin("peer", at);
  assert.equal(handshakes.begin("peer", 99), false);
  assert.equal(handshakes.end("peer", 3), true);
  assert.equal(handshakes.begin("peer", 99), true);
  assert.equal(handshakes.begin("peer", 100), false);
  nowMs = HANDSHAKE_MS;
  assert.equal(handshakes.begin("peer", 100), true);
});

test("end() tells the dialler's own stream from a relay's", () => {
  const handshakes = new Handshakes(() => 0);
  handshakes.begin("peer", 7);
  handshakes.begin("peer", 8);
  assert.equal(handshakes.end("peer", 8), true);
  assert.equal(handshakes.end("peer", 1_000), false);
  assert.equal(handshakes.end("peer", 7), false, "the relayed one was it");
  assert.equal(handshakes.end("nobody", 7), false);
});
