import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryClock } from "../adapters/clock-memory.ts";
import { Patience } from "./patience.ts";
import { Roster } from "./roster.ts";

const never = new AbortController().signal;

/** Answers when it is told to stop. */
function silent(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });
}

test("who does not answer is given up after a while, and left alone for longer", async () => {
  const clock = new MemoryClock();
  const roster = new Roster(clock);
  const patience = new Patience(clock, roster);
  const asked = assert.rejects(patience.ask("a", silent, never), { code: "PEER_AWAY" });
  await clock.advance(6_000);
  await asked;
  await clock.advance(23_000);
  let wasAsked = false;
  const ask = (): Promise<number> => {
    wasAsked = true;
    return Promise.resolve(7);
  };
  await assert.rejects(patience.ask("a", ask, never), { code: "PEER_AWAY" });
  assert.equal(wasAsked, false, "nothing waits for it");
  assert.equal(await patience.ask("b", ask, never), 7);
  await clock.advance(2_000);
  assert.equal(await patience.ask("a", ask, never), 7, "it gets another chance");
});

test("the caller's signal ends it, and says nothing about the peer", async () => {
  const clock = new MemoryClock();
  const roster = new Roster(clock);
  const stop = new AbortController();
  const asked = new Patience(clock, roster).ask("a", silent, stop.signal);
  const reason = new Error("enough");
  stop.abort(reason);
  await assert.rejects(asked, reason);
  assert.equal(roster.isFailing("a"), false);
});
