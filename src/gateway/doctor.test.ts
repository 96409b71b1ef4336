import assert from "node:assert/strict";
import { test } from "node:test";
import { judge } from "./doctor.ts";
import type { DoctorReport } from "./doctor.ts";
import type { DoctorFacts, NatKind } from "./doctor-facts.ts";
import { openFacts } from "./reach-memory.ts";

/** A home behind a router of a kind, with no port open, in a swarm that has a relay. */
function behind(nat: NatKind, udpBlocked = false): DoctorFacts {
  const { publicAddress: _none, ...open } = openFacts();
  return {
    ...open,
    router: { nat, udpBlocked, publicHost: "203.0.113.7", asked: udpBlocked ? 0 : 4 },
    dialBack: { asked: 2, reached: 0, near: 0, address: "203.0.113.7:4470" },
    mappings: { ports: [], failure: "no answer" },
    dht: { network: "swarm", bootstrapped: !udpBlocked, bootstrapNodes: 4, ownNodes: 0 },
    relays: { known: 2, connected: 1, isRelay: false },
    peers: { known: 3, direct: 1, punched: 1, relayed: 1 },
  };
}

/** `name: verdict` of all findings that are not as they should be. */
function flaws(report: DoctorReport): Record<string, string> {
  return Object.fromEntries(
    report.findings.flatMap(({ name, verdict }) => (verdict === "ok" ? [] : [[name, verdict]])),
  );
}

function saysOf(report: DoctorReport, name: string): string {
  return report.findings.find((finding) => finding.name === name)?.says ?? "";
}

const ROUTERS: [string, DoctorFacts, Record<string, string>, Record<string, RegExp>][] = [
  ["no router", openFacts(), {}, { router: /^none that translates.*203\.0\.113\.7/ }],
  [
    "a public address that is somebody else's",
    { ...openFacts(), publicAddress: "203.0.113.222:4470" },
    { direct: "warn" },
    { direct: /says 203\.0\.113\.222:4470, but others see this peer at 203\.0\.113\.7/ },
  ],
  ["a public address by name", { ...openFacts(), publicAddress: "nas.example:4470" }, {}, {}],
  [
    "a cone",
    behind("consistent"),
    { ports: "warn", direct: "warn" },
    { router: /cone/, punched: /^works/, direct: /closed from outside: none of 2/ },
  ],
  [
    "a symmetric router",
    behind("random"),
    { router: "warn", ports: "warn", direct: "warn", punched: "warn" },
    { router: /symmetric/, punched: /not with another symmetric/, relayed: /1 of 2/ },
  ],
  [
    "a firewall without UDP",
    behind("consistent", true),
    { router: "warn", dht: "warn", ports: "warn", direct: "warn", punched: "warn" },
    { router: /UDP is blocked/, punched: /will not work: UDP is blocked/, relayed: /1 of 2/ },
  ],
  [
    "nobody who could be asked",
    {
      ...behind("unknown"),
      router: { nat: "unknown", udpBlocked: false, asked: 0 },
      dialBack: { asked: 0, reached: 0, near: 0 },
    },
    { router: "warn", ports: "warn", direct: "warn", punched: "warn" },
    {
      router: /unknown: nobody could be asked/,
      direct: /port 4470 from outside is unknown: no peer/,
    },
  ],
  [
    "a cone whose router opened the port",
    {
      ...behind("consistent"),
      dialBack: { asked: 2, reached: 2, near: 0, address: "203.0.113.7:4470" },
      mappings: { method: "upnp", ports: ["tcp 4470"] },
    },
    {},
    { ports: /opened tcp 4470 \(upnp\)/, direct: /get through to 203/ },
  ],
];

for (const [name, facts, verdicts, texts] of ROUTERS) {
  test(`judge() knows ${name}`, () => {
    const report = judge(facts);
    assert.deepEqual(flaws(report), verdicts);
    assert.equal(report.healthy, true);
    for (const [finding, text] of Object.entries(texts)) {
      assert.match(saysOf(report, finding), text);
    }
  });
}

test("judge() gives every flaw a remedy, and none to what is well", () => {
  for (const [, facts] of ROUTERS) {
    for (const { verdict, remedy, says } of judge(facts).findings) {
      assert.equal(remedy !== undefined, verdict !== "ok", says);
      assert.ok(!says.includes("\n"), says);
    }
  }
});

test("judge() fails a peer to which no way is open, and not one whose peers are only away", () => {
  const away = { known: 3, direct: 0, punched: 0, relayed: 0 };
  const closed = { ...behind("random"), relays: { known: 0, connected: 0, isRelay: false } };
  const report = judge({ ...closed, peers: away });
  assert.equal(flaws(report)["peers"], "fail");
  assert.equal(report.healthy, false);
  const asleep = judge({ ...behind("consistent"), peers: away });
  assert.equal(flaws(asleep)["peers"], "warn");
  assert.equal(asleep.healthy, true);
});

test("judge() does not call a home without any peers ill", () => {
  const alone: DoctorFacts = {
    ...behind("unknown"),
    router: { nat: "unknown", udpBlocked: false, asked: 0 },
    dialBack: { asked: 0, reached: 0, near: 0 },
    dht: { network: "swarm", bootstrapped: false, bootstrapNodes: 0, ownNodes: 0 },
    relays: { known: 0, connected: 0, isRelay: false },
    peers: { known: 0, direct: 0, punched: 0, relayed: 0 },
    clockSkewsMs: [],
  };
  const report = judge(alone);
  assert.equal(report.healthy, true);
  assert.match(saysOf(report, "peers"), /no other peer is known/);
  assert.match(saysOf(report, "clock"), /no peer to compare/);
});

const MINUTE_MS = 60_000;
const SKEWS: [number[], string | undefined, RegExp][] = [
  [[0], undefined, /0 ms/],
  [[4 * MINUTE_MS], undefined, /4 min behind/],
  [[5 * MINUTE_MS], "warn", /5 min behind/],
  [[-90 * MINUTE_MS], "warn", /90 min ahead of/],
  [[26 * 60 * MINUTE_MS, 26 * 60 * MINUTE_MS], "fail", /26 h behind.*refuse/],
  // One peer with a wrong clock is not ours to mend.
  [[-1e9, 100, 200], undefined, /100 ms/],
];

for (const [clockSkewsMs, verdict, says] of SKEWS) {
  test(`judge() of clocks that differ by ${clockSkewsMs.join(", ")} ms`, () => {
    const report = judge({ ...openFacts(), clockSkewsMs });
    assert.equal(flaws(report)["clock"], verdict);
    assert.match(saysOf(report, "clock"), says);
  });
}

test("judge() fails a full disk and an open home, and warns of a promise without space", () => {
  const { home } = openFacts();
  const verdictOf = (change: Partial<DoctorFacts["home"]>): Record<string, string> =>
    flaws(judge({ ...openFacts(), home: { ...home, ...change } }));
  assert.deepEqual(verdictOf({ freeBytes: 0 }), { disk: "fail" });
  assert.deepEqual(verdictOf({ freeBytes: home.offeredBytes - home.usedBytes }), {});
  assert.deepEqual(verdictOf({ freeBytes: home.offeredBytes - home.usedBytes - 1 }), {
    disk: "warn",
  });
  assert.deepEqual(verdictOf({ exposed: ["keys/peer.key", "keys"] }), { home: "fail" });
});

test("judge() names what the public network, a dead tracker and an old peer mean", () => {
  const facts = openFacts();
  const report = judge({
    ...facts,
    dht: { ...facts.dht, network: "public" },
    trackers: [
      { peer: "abc", connected: true },
      { peer: "def", connected: false, failure: "timed out" },
    ],
    versions: { ...facts.versions, protocolMismatches: 1 },
  });
  assert.deepEqual(flaws(report), { dht: "warn", tracker: "warn", version: "warn" });
});

test("nodes that answer but do not agree are not said to be too few", () => {
  const router = { nat: "unknown", udpBlocked: false, asked: 4 } as const;
  const { findings } = judge({ ...behind("unknown"), router });
  const { verdict, says } = findings.find(({ name }) => name === "router") ?? {};
  assert.equal(verdict, "warn");
  assert.match(says ?? "", /nodes do not agree on this machine's address/);
});
