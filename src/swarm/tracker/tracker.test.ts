import assert from "node:assert/strict";
import { test } from "node:test";
import {
  hashNamed,
  MemoryInventory,
  never,
  peerNamed,
  withTrackers,
} from "../../../tests/support/tracker-scene.ts";
import {
  FILTER_DISTANCE_MIN_MS,
  TRACKER_ANSWER_MS,
  TRACKER_GRACE_MS,
  TRACKER_GREETING_MS,
  TRACKER_LINE_MAX_BYTES,
  TRACKER_SILENCE_MS,
} from "../../base/limits.ts";

test("an agent greets, says what it holds, and is found by who-has", () =>
  withTrackers(async (scene) => {
    const tracker = await scene.tracker();
    scene.agent("a", new MemoryInventory(["x", "y"]), { addresses: ["203.0.113.7:4242"] });
    scene.agent("b", new MemoryInventory(["y"]));
    await scene.settle();
    assert.deepEqual(
      { ...tracker.stats(), filtersFreeBytes: 0 },
      {
        agents: 2,
        ready: 2,
        requests: 0,
        filtersFreeBytes: 0,
      },
    );
    const client = scene.client();
    const x = await client.whoHas(hashNamed("x"), never);
    assert.deepEqual(x, [{ peer: peerNamed("a"), address: { host: "203.0.113.7", port: 4242 } }]);
    const y = await client.whoHas(hashNamed("y"), never);
    assert.deepEqual(y.map(({ peer }) => peer).sort(), [peerNamed("a"), peerNamed("b")].sort());
    const seen = y.find(({ peer }) => peer === peerNamed("b"))?.address;
    assert.match(seen?.host ?? "", /^10\./, "without a public address it is where it was seen");
    assert.deepEqual(await client.whoHas(hashNamed("z"), never), []);
  }));

test("new shards are said one by one, and after a deletion the filter comes again", () =>
  withTrackers(async (scene) => {
    await scene.tracker();
    const inventory = new MemoryInventory(["x"]);
    scene.agent("a", inventory);
    await scene.settle();
    const client = scene.client();
    inventory.add("new");
    assert.deepEqual(await client.whoHas(hashNamed("new"), never), [], "the filter lacks it");
    await scene.clock.advance(2_000);
    assert.equal((await client.whoHas(hashNamed("new"), never)).length, 1);

    inventory.remove("x");
    assert.deepEqual(await client.whoHas(hashNamed("x"), never), [], "the agent is asked first");
    inventory.add(...Array.from({ length: 300 }, (_, i) => `more ${i}`));
    await scene.clock.advance(20_000);
    assert.equal((await client.whoHas(hashNamed("more 299"), never)).length, 1, "it has grown");
  }));

test("a tracker that restarts knows everything again, and one that is gone is left behind", () =>
  withTrackers(async (scene) => {
    const first = await scene.tracker();
    const agent = scene.agent("a", new MemoryInventory(["x"]));
    await scene.settle();
    assert.deepEqual(agent.connected(), [peerNamed("tracker")]);
    await first.stop();
    await scene.settle();
    assert.deepEqual(agent.connected(), []);
    await scene.clock.advance(5_000);
    const client = scene.client();
    await scene.tracker();
    assert.deepEqual(await client.whoHas(hashNamed("x"), never), []);
    await scene.clock.advance(23_000);
    assert.deepEqual(agent.connected(), [peerNamed("tracker")]);
    assert.equal((await client.whoHas(hashNamed("x"), never)).length, 1);
  }));

test("a broken line is opened again within seconds", () =>
  withTrackers(async (scene) => {
    const tracker = await scene.tracker();
    const agent = scene.agent("a", new MemoryInventory(["x"]));
    await scene.clock.advance(60_000);
    scene.network.breakStreams(peerNamed("a"));
    await scene.settle();
    assert.equal(tracker.stats().agents, 0);
    await scene.clock.advance(3_000);
    assert.deepEqual(agent.connected(), [peerNamed("tracker")]);
    assert.equal((await scene.client().whoHas(hashNamed("x"), never)).length, 1);
  }));

test("a peer has one stream: a new one replaces the old one", () =>
  withTrackers(async (scene) => {
    const tracker = await scene.tracker();
    const old = await scene.rawAgent("a");
    await old.present(0, 64, ["x"]);
    const next = await scene.rawAgent("a");
    await next.present(5, 64, []);
    await scene.settle();
    assert.equal(old.isOver, true);
    assert.equal(next.isOver, false);
    assert.equal(tracker.stats().agents, 1);
  }));

test("the memory of filters is given back with their agents", () =>
  withTrackers(async (scene) => {
    const tracker = await scene.tracker();
    const freeBytes = tracker.stats().filtersFreeBytes;
    const raw = await scene.rawAgent("a");
    await raw.present(0, 1024, ["x"]);
    await scene.settle();
    assert.equal(tracker.stats().filtersFreeBytes, freeBytes - 1024);
    await scene.clock.advance(FILTER_DISTANCE_MIN_MS);
    await raw.say("FILTER 2048 0");
    await scene.settle();
    assert.equal(tracker.stats().filtersFreeBytes, freeBytes - 1024 - 2048);
    raw.stream.destroy();
    await scene.settle();
    assert.equal(tracker.stats().filtersFreeBytes, freeBytes);
  }));

test("a tracker's own holder is found too", () =>
  withTrackers(async (scene) => {
    const local = scene.self("tracker", new MemoryInventory(["mine"]), {
      addresses: ["203.0.113.1:1"],
    });
    await scene.tracker("tracker", undefined, local);
    const client = scene.client();
    const found = await client.whoHas(hashNamed("mine"), never);
    assert.deepEqual(
      found.map(({ peer }) => peer),
      [peerNamed("tracker")],
    );
    assert.equal((await client.whereToUpload(100, never))[0]?.peer, peerNamed("tracker"));
    assert.equal((await client.peers(10, never))[0]?.body.id, peerNamed("tracker"));
  }));

test("both sides answer PING, and an agent that says nothing more is dropped in time", () =>
  withTrackers(async (scene) => {
    const tracker = await scene.tracker();
    scene.agent("honest", new MemoryInventory());
    const raw = await scene.rawAgent("raw");
    await raw.present();
    await raw.say("PING");
    await scene.settle();
    assert.ok(raw.heard.includes("PONG"));
    assert.equal(raw.heard[0], "HELLO 1");
    await scene.clock.advance(TRACKER_SILENCE_MS - 5_000);
    assert.ok(raw.heard.includes("PING"));
    assert.equal(tracker.stats().agents, 2);
    await scene.clock.advance(10_000);
    assert.equal(raw.isOver, true);
    assert.equal(tracker.stats().agents, 1, "the honest one has answered");
  }));

test("an agent that does not say what it is, is not listed, and dropped", () =>
  withTrackers(async (scene) => {
    const tracker = await scene.tracker();
    const raw = await scene.rawAgent("raw");
    await raw.say("OFFER 1000000");
    await scene.settle();
    assert.equal(tracker.stats().ready, 0);
    assert.deepEqual(await scene.client().whereToUpload(100, never), []);
    await scene.clock.advance(TRACKER_GREETING_MS + 2_000);
    assert.equal(raw.isOver, true);
  }));

test("an agent that stalls costs a bounded wait, and is dropped when it goes on", () =>
  withTrackers(async (scene) => {
    const tracker = await scene.tracker();
    const staller = await scene.rawAgent("staller");
    await staller.present(0, 64, ["x", "only"]);
    scene.agent("honest", new MemoryInventory(["x"]));
    await scene.settle();
    const client = scene.client();
    const startMs = scene.clock.monotonicMs();
    const both = client.whoHas(hashNamed("x"), never);
    await scene.clock.advance(TRACKER_GRACE_MS);
    assert.deepEqual(
      (await both).map(({ peer }) => peer),
      [peerNamed("honest")],
    );
    const alone = client.whoHas(hashNamed("only"), never);
    await scene.clock.advance(TRACKER_ANSWER_MS);
    assert.deepEqual(await alone, []);
    assert.ok(scene.clock.monotonicMs() - startMs < 3_000);
    await scene.clock.advance(5_000);
    assert.equal(staller.isOver, true);
    assert.equal(tracker.stats().agents, 1);
    assert.equal((await client.whoHas(hashNamed("x"), never)).length, 1);
  }));

test("an agent that answers late stays", () =>
  withTrackers(async (scene) => {
    await scene.tracker();
    const slow = await scene.rawAgent("slow");
    await slow.present(0, 64, ["x"]);
    await scene.settle();
    const asked = scene.client().whoHas(hashNamed("x"), never);
    await scene.clock.advance(3_000);
    assert.deepEqual(await asked, []);
    const question = slow.heard.find((line) => line.includes("WHO_HAS"));
    assert.equal(question, `1 WHO_HAS ${hashNamed("x")}`);
    await slow.say("1 1");
    await scene.clock.advance(10_000);
    assert.equal(slow.isOver, false);
  }));

const part = (bytes: number, fill = 0): string =>
  `PART ${Buffer.alloc(bytes, fill).toString("base64url")}`;
const BAD: readonly (readonly [name: string, ...lines: string[]])[] = [
  ["words that nobody knows", "HURRAH"],
  ["an empty line", ""],
  ["other bytes than text", "\x00\x01\xff"],
  ["a carriage return", "PING\r"],
  ["a line without end", "x".repeat(TRACKER_LINE_MAX_BYTES + 1)],
  ["an answer without a question", "7 1"],
  ["an answer with a number like 07", "07 1"],
  ["PING with more", "PING 1"],
  ["an offer that is negative", "OFFER -1"],
  ["an offer beyond counting", `OFFER ${"9".repeat(16)}`],
  ["a card that is none", "CARD AAAA"],
  ["a card that is not base64", "CARD ***"],
  ["a filter of an odd size", "FILTER 65 0"],
  ["a filter that is too large", `FILTER ${2 ** 21} 0`],
  ["a filter with more shards than it has room for", "FILTER 64 52"],
  ["a part without a filter", part(64)],
  ["a part that is too long", "FILTER 64 0", part(65)],
  ["a part that is too short", "FILTER 64 0", part(63)],
  ["a filter that claims everything", "FILTER 64 1", part(64, 0xff)],
  ["a filter in another", "FILTER 8192 0", "FILTER 64 0"],
  ["two filters at once", "FILTER 64 0", part(64), "FILTER 64 0"],
  ["a shard before any filter", `ADD ${hashNamed("x")}`],
  ["a shard that is none", "FILTER 64 0", part(64), "ADD x"],
  ["more shards than fit", "FILTER 64 51", part(64), `ADD ${hashNamed("x")}`],
];
for (const [name, ...lines] of BAD) {
  test(`an agent is dropped for ${name}, and nobody else`, () =>
    withTrackers(async (scene) => {
      const tracker = await scene.tracker();
      scene.agent("honest", new MemoryInventory(["x"]));
      const raw = await scene.rawAgent("raw");
      await raw.say(...lines);
      await scene.settle();
      assert.equal(raw.isOver, true);
      assert.equal(tracker.stats().agents, 1);
      assert.equal((await scene.client().whoHas(hashNamed("x"), never)).length, 1);
    }));
}

test("another peer's card is refused", () =>
  withTrackers(async (scene) => {
    await scene.tracker();
    const raw = await scene.rawAgent("raw");
    const other = scene.self("other", new MemoryInventory()).card();
    await raw.say(`CARD ${Buffer.from(other).toString("base64url")}`);
    await scene.settle();
    assert.equal(raw.isOver, true);
  }));

test("an answer that is neither 0 nor 1 drops the agent and settles the question", () =>
  withTrackers(async (scene) => {
    await scene.tracker();
    const raw = await scene.rawAgent("raw");
    await raw.present(0, 64, ["x"]);
    await scene.settle();
    const asked = scene.client().whoHas(hashNamed("x"), never);
    await scene.settle();
    await raw.say("1 perhaps");
    await scene.settle();
    assert.deepEqual(await asked, []);
    assert.equal(raw.isOver, true);
  }));

test("whole filters may come again after a while", () =>
  withTrackers(async (scene) => {
    await scene.tracker();
    const raw = await scene.rawAgent("raw");
    await raw.present(0, 64, ["x"]);
    await scene.clock.advance(FILTER_DISTANCE_MIN_MS);
    await raw.present(0, 128, []);
    await scene.settle();
    assert.equal(raw.isOver, false);
    assert.deepEqual(await scene.client().whoHas(hashNamed("x"), never), []);
    assert.equal(raw.heard.filter((line) => line.includes("WHO_HAS")).length, 0);
  }));
