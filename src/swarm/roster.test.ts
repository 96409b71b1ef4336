import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryClock } from "../adapters/clock-memory.ts";
import { PEERS_MAX } from "../base/limits.ts";
import { NetError } from "../adapters/net-error.ts";
import type { Net } from "../ports/net.ts";
import { observedNet } from "./observed-net.ts";
import { Roster } from "./roster.ts";

test("a peer that fails is left alone for longer and longer, until it answers", async () => {
  const clock = new MemoryClock();
  const roster = new Roster(clock);
  assert.equal(roster.backsOff("p"), false);
  for (const waitMs of [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    roster.failed("p");
    assert.equal(roster.backsOff("p"), true);
    await clock.advance(waitMs - 1);
    assert.equal(roster.backsOff("p"), true, `${waitMs}`);
    await clock.advance(1);
    assert.equal(roster.backsOff("p"), false, `${waitMs}`);
  }
  assert.equal(roster.answered("p", 1e9), false);
  roster.succeeded("p", 5, 10);
  assert.equal(roster.answered("p", 0), true);
  await clock.advance(100);
  assert.equal(roster.answered("p", 99), false);
  roster.failed("p");
  assert.equal(roster.answered("p", 1e9), false, "a failure outweighs an older answer");
});

test("latency and throughput are estimated apart, and follow change", () => {
  const roster = new Roster(new MemoryClock());
  roster.succeeded("p", 10, 100);
  roster.succeeded("p", 100, 1_000_000);
  assert.equal(roster.estimate("p")?.latencyMs, 10);
  assert.equal(roster.estimate("p")?.bytesPerMs, 10_000);
  for (let count = 0; count < 50; count++) roster.succeeded("p", 30, 100);
  const latencyMs = roster.estimate("p")?.latencyMs ?? 0;
  assert.ok(latencyMs > 29 && latencyMs <= 30);
});

test("it forgets the longest untouched", () => {
  const roster = new Roster(new MemoryClock());
  for (let index = 0; index <= PEERS_MAX; index++) roster.succeeded(`${index}`, 1, 1);
  assert.equal(roster.estimate("0"), undefined);
  assert.notEqual(roster.estimate("1"), undefined);
});

test("observedNet() notes answers and failures, not requests that were given up", async () => {
  const roster = new Roster(new MemoryClock());
  let answer: Error | undefined;
  const net: Net = {
    request: () =>
      answer === undefined
        ? Promise.resolve({ status: 404, headers: {}, body: new Uint8Array(0) })
        : Promise.reject(answer),
    open: () => Promise.reject(new Error("no streams")),
    carrierOf: () => undefined,
    listen: () => Promise.resolve({ port: 0 }),
    close: () => Promise.resolve(),
  };
  const observed = observedNet(net, roster, new MemoryClock());
  const get = { method: "GET", path: "/" } as const;
  const { signal } = new AbortController();
  await observed.request("p", get, signal);
  assert.equal(roster.answered("p", 0), true, "a refusal is an answer");
  answer = new NetError("PEER_TIMEOUT", "late");
  await assert.rejects(observed.request("p", get, signal), answer);
  assert.equal(roster.estimate("p")?.failureCount, 1);
  await assert.rejects(observed.request("p", get, AbortSignal.abort()), answer);
  answer = new TypeError("a bug of the caller");
  await assert.rejects(observed.request("p", get, signal), answer);
  assert.equal(roster.estimate("p")?.failureCount, 1);
});
