import assert from "node:assert/strict";
import { test } from "node:test";
import { REQUEST_BODIES_MAX_BYTES, REQUEST_BODIES_PER_PEER_MAX_BYTES } from "../base/limits.ts";
import { MIB } from "../base/limits.ts";
import { BodyRoom } from "./body-room.ts";

const forever = (): Promise<never> => new Promise(() => undefined);

test("bodies are bounded of one peer and in all, and small ones still fit", async () => {
  const room = new BodyRoom();
  const mine = Math.floor(REQUEST_BODIES_PER_PEER_MAX_BYTES / (1.5 * MIB));
  for (let at = 0; at < mine; at++) void room.hold("a", MIB, forever);
  await assert.rejects(room.hold("a", MIB, forever), { code: "PEER_BUSY" });
  const all = Math.floor(REQUEST_BODIES_MAX_BYTES / (1.5 * MIB));
  for (let at = mine; at < all; at++) void room.hold(`b${at}`, MIB, forever);
  await assert.rejects(room.hold("c", MIB, forever), { code: "PEER_BUSY" });
  assert.equal(await room.hold("c", 1_000, () => 7), 7);
});

test("room comes back when the work is done, also when it fails", async () => {
  const room = new BodyRoom();
  for (let at = 0; at < 1_000; at++) {
    await assert.rejects(
      room.hold("a", MIB, () => Promise.reject(new Error("x"))),
      /^Error: x$/,
    );
  }
});
