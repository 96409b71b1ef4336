import assert from "node:assert/strict";
import { test } from "node:test";
import {
  MemoryInventory,
  peerNamed,
  random,
  TrackerScene,
} from "../../../tests/support/tracker-scene.ts";
import { openCard } from "../card-book.ts";
import { addressOf, networkOf, type Agent } from "./agent.ts";
import { chooseForUpload } from "./upload-choice.ts";

const scene = new TrackerScene();
const nothing = { answer: Promise.resolve(undefined), giveUp: () => undefined };

function agentOf(
  name: string,
  host: string,
  more: { freeBytes?: number; site?: string; addresses?: readonly string[] } = {},
): Agent {
  const { freeBytes = 1_000, ...card } = more;
  const bytes = scene.self(name, new MemoryInventory(), card).card();
  return {
    peer: peerNamed(name),
    card: { body: openCard(bytes), bytes },
    seen: { host, port: 4242 },
    freeBytes,
    whoHas: () => nothing,
    introduce: () => nothing,
  };
}

test("one of each network comes before a second of any, and so with sites", () => {
  const agents = [
    ...[1, 2, 3].map((i) => agentOf(`a ${i}`, `203.0.113.${i}`)),
    ...[1, 2, 3].map((i) => agentOf(`b ${i}`, `2001:db8:1:${i}::1`)),
    ...[1, 2, 3].map((i) => agentOf(`c ${i}`, `203.0.${i}.1`, { site: "home" })),
  ];
  const kind = (agent: Agent): string => "abc"[(agents.indexOf(agent) / 3) | 0] ?? "";
  for (let round = 0; round < 50; round++) {
    const three = chooseForUpload(agents, "", 10, 3, random).map(kind);
    assert.deepEqual(three.toSorted(), ["a", "b", "c"]);
    const nine = chooseForUpload(agents, "", 10, 20, random);
    assert.equal(new Set(nine).size, 9);
    assert.deepEqual(nine.slice(0, 3).map(kind).toSorted(), ["a", "b", "c"]);
  }
});

test("who has twice the space is twice as likely, and a boast is capped", () => {
  const shares = (left: number, right: number): number => {
    const agents = [
      agentOf("left", "203.0.113.1", { freeBytes: left }),
      agentOf("right", "203.0.113.1", { freeBytes: right }),
    ];
    let count = 0;
    for (let i = 0; i < 3_000; i++) {
      if (chooseForUpload(agents, "", 10, 1, random)[0] === agents[0]) count++;
    }
    return count / 3_000;
  };
  assert.ok(Math.abs(shares(2_000, 1_000) - 2 / 3) < 0.05);
  assert.ok(Math.abs(shares(Number.MAX_SAFE_INTEGER, 2 ** 40) - 1 / 2) < 0.05);
});

test("without room, without a card, and for the asker there is no place", () => {
  const full = agentOf("full", "203.0.113.1", { freeBytes: 9 });
  const unknown = { ...agentOf("unknown", "203.0.113.2"), card: undefined };
  const asker = agentOf("asker", "203.0.113.3");
  assert.deepEqual(chooseForUpload([full, unknown, asker], asker.peer, 10, 5, random), []);
  assert.deepEqual(chooseForUpload([full], "", 9, 0, random), []);
});

test("addressOf() prefers a public address of the card, then where the agent was seen", () => {
  const hostOf = (addresses: readonly string[]): string | undefined =>
    addressOf(agentOf("a", "203.0.113.9", { addresses }))?.host;
  assert.equal(hostOf([]), "203.0.113.9");
  const local = ["10.1.2.3:1", "192.168.0.1:1", "172.31.0.1:1", "100.64.0.1:1", "127.0.0.1:1"];
  assert.equal(hostOf([...local, "[fe80::1]:1", "[fd00::1]:1", "[::1]:1"]), "203.0.113.9");
  assert.equal(hostOf(["192.168.0.1:1", "203.0.113.4:1"]), "203.0.113.4");
  assert.equal(hostOf(["172.32.0.1:1"]), "172.32.0.1");
  assert.equal(hostOf(["100.128.0.1:1"]), "100.128.0.1");
  assert.equal(hostOf(["[2001:db8::1]:1"]), "2001:db8::1");
  const unseen = { ...agentOf("a", "", { addresses: ["10.1.2.3:1"] }), seen: undefined };
  assert.equal(addressOf(unseen)?.host, "10.1.2.3");
  assert.equal(networkOf({ host: "203.0.113.4", port: 1 }), "203.0.113");
});
