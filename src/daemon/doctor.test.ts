import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { StandingClock } from "../../tests/contracts/holder-fixture.ts";
import { idOf } from "../base/id.ts";
import { judge } from "../gateway/doctor.ts";
import type { PeerCard } from "../ports/directory.ts";
import { gatherFacts } from "./doctor.ts";
import type { FactSources } from "./doctor.ts";
import { homePaths } from "./home.ts";

const home = mkdtempSync(join(tmpdir(), "holdfast-doctor-"));
after(() => rmSync(home, { recursive: true }));
const never = new AbortController().signal;
const paths = homePaths(home);
mkdirSync(paths.keys, { mode: 0o700 });
writeFileSync(join(paths.keys, "peer.key"), "", { mode: 0o600 });

const card = (number: number, more: Partial<PeerCard> = {}): PeerCard => ({
  id: idOf(new Uint8Array(32).fill(number)),
  addresses: [],
  offeredBytes: 1,
  ...more,
});
const RELAY = card(1, { roles: ["relay"], bootstrap: ["203.0.113.1:1", "203.0.113.1:2"] });
const [COUSIN, NEAR, AWAY] = [card(2), card(3), card(4)];

/** A home behind a cone that knows a relay, a cousin, a peer of its own network, and one away. */
function sourcesOf(change: Partial<FactSources> = {}): FactSources {
  const clock = new StandingClock();
  return {
    paths,
    storeFolder: home,
    config: { dht: true, public_dht: false, router_ports: true },
    port: 4470,
    protocol: 1,
    clock,
    usage: () => ({ shards: 0, bytes: 5, spaceBytes: 9, accounts: 0, orphans: 0, aside: 0 }),
    peers: () => [RELAY, COUSIN, NEAR, AWAY],
    async hello(peer) {
      if (peer === AWAY.id) throw new Error("away");
      const protocol = peer === COUSIN.id ? 2 : 1;
      const hello = { protocol, version: "1", offeredBytes: 1, freeBytes: 1 };
      return peer === NEAR.id ? hello : { ...hello, timeMs: clock.nowMs() + 7_000 };
    },
    carrierOf: (peer) => (peer === COUSIN.id ? "punched" : "direct"),
    dialBack: async (peer, [port]) => ({
      tcp: { [String(port)]: peer === RELAY.id ? "closed" : "open" },
      seen: peer === NEAR.id ? "192.168.1.9:50000" : "203.0.113.7:50000",
    }),
    isPublic: (host) => host.startsWith("203."),
    dht: () => ({
      bootstrapped: true,
      firewalled: true,
      nat: "consistent",
      publicHost: "203.0.113.7",
      udpBlocked: false,
    }),
    dhtNodes: () => 0,
    mappings: () => ({ ports: [] }),
    trackers: () => [],
    relaysConnected: () => 1,
    isRelay: () => false,
    ...change,
  };
}

test("gatherFacts() asks the peers, and lets none of its own network speak for the outside", async () => {
  const facts = await gatherFacts(sourcesOf(), never);
  assert.deepEqual(facts.peers, { known: 4, direct: 2, punched: 1, relayed: 0 });
  assert.deepEqual(facts.dialBack, { asked: 2, reached: 1, near: 1, address: "203.0.113.7:4470" });
  assert.deepEqual(facts.clockSkewsMs, [7_000, 7_000]);
  assert.deepEqual(facts.relays, { known: 1, connected: 1, isRelay: false });
  assert.equal(facts.versions.protocolMismatches, 1);
  assert.equal(facts.versions.asked, 3);
  assert.equal(facts.router.nat, "consistent");
  assert.deepEqual(facts.dht, {
    network: "swarm",
    bootstrapped: true,
    bootstrapNodes: 2,
    ownNodes: 0,
  });
  assert.equal(facts.home.usedBytes, 5);
  assert.ok(facts.home.freeBytes > 0);
  assert.equal(judge(facts).healthy, true);
});

test("gatherFacts() calls UDP blocked only where others are reached by TCP", async () => {
  const silent = {
    bootstrapped: false,
    firewalled: true,
    nat: "unknown",
    udpBlocked: true,
  } as const;
  const blocked = await gatherFacts(sourcesOf({ dht: () => silent }), never);
  assert.equal(blocked.router.udpBlocked, true);
  const hello = async (): Promise<never> => {
    throw new Error("away");
  };
  const away = await gatherFacts(sourcesOf({ dht: () => silent, hello }), never);
  assert.equal(away.router.udpBlocked, false);
  assert.deepEqual(away.dialBack, { asked: 0, reached: 0, near: 0 });
});

test("gatherFacts() goes without a DHT, and ends when it is asked to", async () => {
  const config = { dht: false, public_dht: false, router_ports: false };
  const facts = await gatherFacts(sourcesOf({ dht: () => undefined, config }), never);
  assert.equal(facts.dht.network, "off");
  assert.match(facts.mappings.failure ?? "", /router_ports/);
  assert.equal(facts.router.nat, "unknown");
  const stop = new AbortController();
  const hello = async (): Promise<never> => {
    stop.abort();
    throw stop.signal.reason;
  };
  await assert.rejects(gatherFacts(sourcesOf({ hello }), stop.signal), { name: "AbortError" });
});

test("gatherFacts() finds keys that others can read, where they can enter the home", async () => {
  chmodSync(join(paths.keys, "peer.key"), 0o640);
  chmodSync(paths.keys, 0o750);
  const exposed = async (): Promise<string[]> =>
    (await gatherFacts(sourcesOf(), never)).home.exposed;
  assert.deepEqual(await exposed(), []);
  chmodSync(home, 0o755);
  assert.deepEqual(await exposed(), ["keys/peer.key"]);
  chmodSync(join(paths.keys, "peer.key"), 0o600);
  assert.deepEqual(await exposed(), []);
  chmodSync(home, 0o700);
});
