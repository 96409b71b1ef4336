import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryClock } from "../clock-memory.ts";
import { RELAY_LIMITS } from "./limits.ts";
import { Seats } from "./seats.ts";

const full = (message: RegExp) => ({ code: "RELAY_FULL", message, hint: /another relay/ });

test("take() holds to the bounds of a pair, whoever dials", () => {
  const seats = new Seats({ ...RELAY_LIMITS, streamsPerPairMax: 2 }, new MemoryClock());
  const seat = seats.take("a", "b");
  seats.take("b", "a");
  assert.throws(() => seats.take("a", "b"), full(/this pair of peers has all 2/));
  seats.take("a", "c");
  seat.leave();
  seat.leave();
  seats.take("a", "b");
  assert.throws(() => seats.take("b", "a"), full(/this pair/));
  assert.equal(seats.streamCount, 3);
});

test("take() holds to the bounds of a peer at either end", () => {
  const seats = new Seats({ ...RELAY_LIMITS, streamsPerPeerMax: 2 }, new MemoryClock());
  const held = [seats.take("a", "b"), seats.take("c", "a")];
  assert.throws(() => seats.take("a", "d"), full(/peer a has all 2/));
  assert.throws(() => seats.take("d", "a"), full(/peer a has all 2/));
  seats.take("d", "e");
  for (const seat of held) seat.leave();
  seats.take("a", "d");
});

test("take() holds to the bound of all", () => {
  const seats = new Seats({ ...RELAY_LIMITS, streamsMax: 3 }, new MemoryClock());
  const held = ["b", "c", "d"].map((target) => seats.take("a", target));
  assert.throws(() => seats.take("x", "y"), full(/this relay has all 3/));
  for (const seat of held) seat.leave();
  assert.equal(seats.streamCount, 0);
});

test("spend() makes all streams of a peer share its rate", async () => {
  const clock = new MemoryClock();
  const seats = new Seats({ ...RELAY_LIMITS, bytesPerSecondPerPeer: 1_000 }, clock);
  const one = seats.take("a", "b");
  const two = seats.take("a", "c");
  assert.equal(one.spend(250), 0, "a quarter of a second goes at once");
  assert.equal(two.spend(500), 500, "another stream of the peer pays for it");
  assert.equal(one.spend(500), 1_000);
  assert.equal(seats.take("x", "y").spend(250), 0, "others do not");
  await clock.advance(1_000);
  assert.equal(one.spend(1), 1);
  await clock.advance(1e9);
  assert.equal(two.spend(250), 0);
  assert.equal(two.spend(1), 1, "what is not used is not saved up");
});
