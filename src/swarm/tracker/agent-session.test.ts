import assert from "node:assert/strict";
import { test } from "node:test";
import {
  hashNamed,
  MemoryInventory,
  never,
  peerNamed,
  RawAgent,
  withTrackers,
  type TrackerScene,
} from "../../../tests/support/tracker-scene.ts";
import { TRACKER_LINE_MAX_BYTES, TRACKER_SILENCE_MS } from "../../base/limits.ts";
import type { PeerStream } from "../../ports/net.ts";
import type { AgentSelf } from "./agent.ts";

/** A tracker on which a test speaks for itself; every stream of the agent in its order. */
async function rawTracker(
  scene: TrackerScene,
  more: Partial<AgentSelf> = {},
): Promise<{ ends: RawAgent[]; inventory: MemoryInventory }> {
  const ends: RawAgent[] = [];
  const take = (stream: PeerStream): void =>
    void ends.push(new RawAgent(stream, new Uint8Array(0)));
  const refuse = () => Promise.resolve({ status: 404 });
  await scene.net("tracker").listen(refuse, () => Promise.resolve(take));
  const inventory = new MemoryInventory(["x"]);
  scene.agent("a", inventory, more);
  await scene.settle();
  return { ends, inventory };
}

test("an agent says nothing before it is greeted, then card, offer and filter", () =>
  withTrackers(async (scene) => {
    const { ends } = await rawTracker(scene);
    const [end] = ends;
    assert.ok(end !== undefined);
    assert.equal(end.heard.length, 0);
    await end.say("HELLO 1");
    await scene.settle();
    const verbs = end.heard.map((line) => line.split(" ")[0]);
    assert.deepEqual(verbs, ["CARD", "OFFER", "FILTER", "PART"]);
    await end.say(`7 WHO_HAS ${hashNamed("x")}`, `9 WHO_HAS ${hashNamed("y")}`, "PING");
    await scene.settle();
    assert.deepEqual(end.heard.slice(4), ["7 1", "9 0", "PONG"]);
  }));

const CERTIFICATE = "AAAA";
const BAD: readonly (readonly [name: string, ...lines: string[]])[] = [
  ["another version", "HELLO 2"],
  ["no greeting", `1 WHO_HAS ${hashNamed("x")}`],
  ["two greetings", "HELLO 1", "HELLO 1"],
  ["words that nobody knows", "HELLO 1", "GOODBYE"],
  ["a question without a number", "HELLO 1", `WHO_HAS ${hashNamed("x")}`],
  ["a question with the number 0", "HELLO 1", `0 WHO_HAS ${hashNamed("x")}`],
  ["a question for what is no hash", "HELLO 1", "1 WHO_HAS x"],
  ["a ticket of no size", "HELLO 1", `1 INTRODUCTION_REQUEST x 0 ${hashNamed("x")} AAAA`],
  ["a ticket for nobody", "HELLO 1", `1 INTRODUCTION_REQUEST x 5 ${hashNamed("x")} AAAA`],
  ["a line without end", "HELLO 1", "x".repeat(2 * TRACKER_LINE_MAX_BYTES)],
];
for (const [name, ...lines] of BAD) {
  test(`an agent leaves a tracker that says ${name}, and tries again later`, () =>
    withTrackers(async (scene) => {
      const { ends } = await rawTracker(scene);
      await ends[0]?.say(...lines);
      await scene.settle();
      assert.equal(ends[0]?.isOver, true);
      await scene.clock.advance(3_000);
      assert.equal(ends.length, 2);
    }));
}

test("a line that never ends is noticed before its end", () =>
  withTrackers(async (scene) => {
    const { ends } = await rawTracker(scene);
    await ends[0]?.stream.write(Buffer.alloc(TRACKER_LINE_MAX_BYTES + 1, "x"));
    await scene.settle();
    assert.equal(ends[0]?.isOver, true);
  }));

test("a tracker that is dead is left in time", () =>
  withTrackers(async (scene) => {
    const { ends } = await rawTracker(scene);
    await ends[0]?.say("HELLO 1");
    await scene.clock.advance(TRACKER_SILENCE_MS - 1_000);
    assert.equal(ends[0]?.isOver, false);
    assert.ok(ends[0]?.heard.includes("PING"));
    await scene.clock.advance(10_000);
    assert.equal(ends[0]?.isOver, true);
  }));

test("tickets are asked for and refused with the desk's code; a broken desk is one too", () =>
  withTrackers(async (scene) => {
    const answers: AgentSelf["introduce"][] = [
      () => Promise.resolve({ ticket: Uint8Array.of(1, 2, 3) }),
      () => Promise.resolve({ code: "SPACE_FULL" }),
      () => Promise.reject(new Error("secret")),
    ];
    const introduce: AgentSelf["introduce"] = (wish) => {
      assert.deepEqual(wish, {
        peer: peerNamed("client"),
        address: { host: "203.0.113.1", port: 9 },
        shard: hashNamed("x"),
        lengthBytes: 5,
        certificate: CERTIFICATE,
      });
      return answers.shift()?.(wish) ?? Promise.resolve({ code: "PEER_FAILED" });
    };
    const { ends } = await rawTracker(scene, { introduce });
    const address = `${peerNamed("client")}@203.0.113.1:9`;
    await ends[0]?.say("HELLO 1");
    for (const number of [1, 2, 3]) {
      const words = `${address} 5 ${hashNamed("x")} ${CERTIFICATE}`;
      await ends[0]?.say(`${number} INTRODUCTION_REQUEST ${words}`);
      await scene.settle();
    }
    const last = ends[0]?.heard.slice(-3);
    assert.deepEqual(last, ["1 AQID", "2 NONE SPACE_FULL", "3 NONE PEER_FAILED"]);
  }));

test("card and offer are said again when they change, and only then", () =>
  withTrackers(async (scene) => {
    let freeBytes = 5;
    const { ends } = await rawTracker(scene, { freeBytes: () => freeBytes });
    await ends[0]?.say("HELLO 1");
    await scene.clock.advance(15_000);
    freeBytes = 7;
    await scene.clock.advance(6_000);
    const offers = ends[0]?.heard.filter((line) => line.startsWith("OFFER"));
    assert.deepEqual(offers, ["OFFER 5", "OFFER 7"]);
    assert.equal(ends[0]?.heard.filter((line) => line.startsWith("CARD")).length, 1);
  }));

test("a tracker that is no longer one is left, and close() leaves all", () =>
  withTrackers(async (scene) => {
    const tracker = await scene.tracker();
    let names = ["tracker"];
    const agent = scene.agent("a", new MemoryInventory(), { trackers: () => names });
    await scene.settle();
    assert.equal(agent.connected().length, 1);
    names = [];
    await scene.clock.advance(3_000);
    assert.equal(agent.connected().length, 0);
    assert.equal(tracker.stats().agents, 0);
    names = ["tracker"];
    await scene.clock.advance(3_000);
    assert.equal(tracker.stats().agents, 1);
    await agent.close();
    await scene.settle();
    assert.equal(tracker.stats().agents, 0);
    assert.deepEqual(await scene.client().whoHas(hashNamed("x"), never), []);
  }));
