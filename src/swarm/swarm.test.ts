import assert from "node:assert/strict";
import { test } from "node:test";
import { patternOf } from "../../tests/contracts/blobs.ts";
import {
  clientOf,
  openHolderPeer,
  recordOf,
  shardId,
  type HolderPeer,
} from "../../tests/support/swarm-peer.ts";
import { keyOf, OWNER, OWNER_ID } from "../../tests/support/tls-pair.ts";
import { systemClock } from "../adapters/clock.node.ts";
import { createMemoryNetwork, type MemoryNetwork } from "../adapters/net-memory.ts";
import { epochOf, idOf, type PeerId } from "../base/id.ts";
import { encodeRecord } from "../codec/record.ts";
import { observedNet } from "./observed-net.ts";
import { createMemoryDirectory } from "./peer-list.ts";
import { keepersOf } from "./placement.ts";
import { Roster } from "./roster.ts";
import { createSwarm, type Swarm } from "./swarm.ts";

const never = new AbortController().signal;
const CODE = { k: 2, n: 5 };
const today = epochOf(Date.now());
const KEY = keyOf(50);

interface Scene {
  swarm: Swarm;
  network: MemoryNetwork;
  peers: HolderPeer[];
  keepers: PeerId[];
}

/** An owner and `count` holders. */
async function withSwarm(count: number, work: (scene: Scene) => Promise<void>): Promise<void> {
  const network = createMemoryNetwork(systemClock);
  const directory = createMemoryDirectory();
  const peers: HolderPeer[] = [];
  for (let index = 0; index < count; index++) {
    const key = keyOf(10 + index);
    const { id } = await openHolder(peers, network, key);
    directory.add({ id, addresses: ["127.0.0.1:1"], offeredBytes: 1 });
  }
  directory.add({ id: OWNER_ID, addresses: ["127.0.0.1:1"], offeredBytes: 1 });
  const roster = new Roster(systemClock);
  const net = observedNet(network.net(OWNER_ID), roster, systemClock);
  const client = clientOf(net, systemClock, OWNER);
  const swarm = createSwarm({ self: OWNER_ID, client, directory, clock: systemClock, roster });
  const ids = peers.map(({ id }) => id);
  const { key } = recordOf(KEY, 0n, "", today);
  try {
    await work({ swarm, network, peers, keepers: keepersOf(key, ids, 6) });
  } finally {
    for (const peer of peers) await peer.close();
  }
}

async function openHolder(
  peers: HolderPeer[],
  network: MemoryNetwork,
  key: typeof OWNER,
): Promise<HolderPeer> {
  const peer = await openHolderPeer(key, network.net(idOf(key.publicKey)), systemClock);
  peers.push(peer);
  return peer;
}

test("usableHolders() are those that answer, without oneself, and counts follow", () =>
  withSwarm(6, async ({ swarm, network, peers }) => {
    assert.deepEqual(swarm.peerCounts(), { known: 6, usable: 0 });
    const [dead, hanging] = peers.map(({ id }) => id);
    assert.ok(dead !== undefined && hanging !== undefined);
    network.setFault(dead, { drop: "before" });
    const usable = await swarm.usableHolders(never);
    assert.equal(usable.length, 5);
    assert.ok(!usable.includes(dead) && !usable.includes(OWNER_ID));
    assert.deepEqual(swarm.peerCounts(), { known: 6, usable: 5 });
  }));

test("usableHolders() stops with the signal's reason", () =>
  withSwarm(2, async ({ swarm, network, peers }) => {
    for (const { id } of peers) network.setFault(id, { hang: true });
    const stop = new AbortController();
    const asked = swarm.usableHolders(stop.signal);
    const reason = new Error("enough");
    setImmediate(() => stop.abort(reason));
    await assert.rejects(asked, reason);
  }));

test("a record is written when all keepers but one have it", () =>
  withSwarm(10, async ({ swarm, network, keepers, peers }) => {
    const [first = "", second = "", third = ""] = keepers;
    network.setFault(first, { drop: "before" });
    const one = recordOf(KEY, 1n, "one", today + 400);
    assert.equal((await swarm.writeRecord(one, CODE, never)).kept, true);
    const keeping = peers.filter(({ records }) => records.get(one.key).length > 0);
    assert.deepEqual(keeping.map(({ id }) => id).sort(), keepers.slice(1).sort());
    for (const peer of [second, third]) network.setFault(peer, { drop: "before" });
    const two = recordOf(KEY, 2n, "two", today + 400);
    assert.equal((await swarm.writeRecord(two, CODE, never)).kept, false);
    const three = recordOf(KEY, 3n, "three", today + 400);
    const { kept } = await swarm.writeRecord(three, CODE, never);
    assert.equal(kept, true, "others keep it instead of those that are away");
    const { record } = await swarm.readRecord(three.key, CODE, never);
    assert.equal(record?.number, 3n);
  }));

test("with fewer than five keepers all must have it, and with none it is not kept", async () => {
  await withSwarm(3, async ({ swarm, network, keepers }) => {
    const record = recordOf(KEY, 1n, "one", today + 400);
    assert.equal((await swarm.writeRecord(record, CODE, never)).kept, true);
    network.setFault(keepers[0] ?? "", { drop: "after" });
    const next = recordOf(KEY, 2n, "two", today + 400);
    assert.equal((await swarm.writeRecord(next, CODE, never)).kept, false);
  });
  await withSwarm(0, async ({ swarm }) => {
    const record = recordOf(KEY, 1n, "one", today + 400);
    assert.equal((await swarm.writeRecord(record, CODE, never)).kept, false);
    const read = await swarm.readRecord(record.key, CODE, never);
    assert.deepEqual(read, { forks: [], answered: 0, asked: 0 });
  });
});

test("writeRecord() says when a keeper has a higher number, and readRecord() finds it", () =>
  withSwarm(10, async ({ swarm, peers, keepers }) => {
    const newer = recordOf(KEY, 9n, "newer", today + 400);
    const keeper = peers.find(({ id }) => id === keepers[3]);
    keeper?.records.put("peer", newer.key, encodeRecord(newer));
    const older = recordOf(KEY, 8n, "older", today + 400);
    const report = await swarm.writeRecord(older, { k: 2, n: 5 }, never);
    assert.equal(report.kept, true, "five of six have it");
    const read = await swarm.readRecord(newer.key, CODE, never);
    assert.equal(read.record?.number, 9n);
    assert.deepEqual([read.answered, read.asked], [6, 6]);
  }));

test("readRecord() survives keepers that lie, hang up or are gone, and shows forks", () =>
  withSwarm(10, async ({ swarm, network, peers, keepers }) => {
    const record = recordOf(KEY, 4n, "a", today + 400);
    assert.equal((await swarm.writeRecord(record, CODE, never)).kept, true);
    const [a = "", b = "", c = "", d = ""] = keepers;
    network.setFault(a, { flip: true });
    network.setFault(b, { drop: "after" });
    network.setFault(c, { truncateBytes: 5 });
    const fork = recordOf(KEY, 4n, "b", today + 400);
    peers.find(({ id }) => id === d)?.records.put("peer", fork.key, encodeRecord(fork));
    const read = await swarm.readRecord(record.key, CODE, never);
    assert.equal(read.record?.number, 4n);
    assert.equal(read.forks.length, 1);
    assert.equal(read.answered, 3);
  }));

test("shards go to one holder and are read from it", () =>
  withSwarm(1, async ({ swarm, peers }) => {
    const peer = peers[0]?.id ?? "";
    const bytes = patternOf(100_000);
    const id = shardId(bytes);
    const [grant] = await swarm.reserve(peer, [{ id, lengthBytes: bytes.length }], never);
    assert.ok(grant?.outcome === "granted");
    await swarm.storeShard(peer, id, grant.ticket, bytes, never);
    assert.deepEqual(await swarm.have(peer, [id], never), [true]);
    const got = await swarm.readShard(peer, id, new Uint8Array(bytes.length), never);
    assert.deepEqual(Buffer.from(got), Buffer.from(bytes));
  }));
