import assert from "node:assert/strict";
import { test } from "node:test";
import { idBytes, idOf } from "../../base/id.ts";
import { hash } from "../../crypto/hash.node.ts";
import { systemRandom } from "../random.node.ts";
import { DhtDirectory } from "./directory.ts";
import { DHT_NODES_PUBLIC, LOOKUP_ANSWER_PEERS_MAX } from "./limits.ts";
import { startPeer, startPublicPeer } from "./testing.ts";

const never = new AbortController().signal;
const TOPIC = idOf(hash(Buffer.from("a shard")));

test("what a peer announces, others look up", async () => {
  await using open = await startPublicPeer();
  await using a = await startPeer(open.node.bootstrap);
  await using b = await startPeer(open.node.bootstrap);
  const [atA, atB] = [new DhtDirectory(a.node), new DhtDirectory(b.node)];
  assert.deepEqual(await atA.lookup(TOPIC, never), []);
  await atA.announce(TOPIC, never);
  await atB.announce(TOPIC, never);
  assert.deepEqual(await atA.lookup(TOPIC, never), [b.id], "itself left out");
  const found = await new DhtDirectory(open.node).lookup(TOPIC, never);
  assert.deepEqual([...found].sort(), [a.id, b.id].sort());
  assert.deepEqual(await atA.lookup(idOf(hash(idBytes(TOPIC))), never), []);
});

test("members find each other", async () => {
  await using open = await startPublicPeer();
  await using a = await startPeer(open.node.bootstrap);
  await using b = await startPeer(open.node.bootstrap);
  const stop = new AbortController();
  const announcing = [open, a, b].map(({ node }) =>
    new DhtDirectory(node).announceMember(stop.signal),
  );
  const directory = new DhtDirectory(b.node);
  const expected = [open.id, a.id].sort();
  let found: readonly string[] = [];
  while (found.length < expected.length) found = await directory.members(never);
  assert.deepEqual([...found].sort(), expected);
  stop.abort();
  await Promise.all(announcing);
});

test("a liar fills no more than its share of an answer", async () => {
  await using liar = await startPublicPeer();
  await using a = await startPeer(liar.node.bootstrap);
  const fakes = 40;
  const peers = Array.from({ length: fakes }, () =>
    Buffer.concat([systemRandom.bytes(32), Buffer.of(0)]),
  );
  const lie = Buffer.concat([Buffer.of(fakes), ...peers, Buffer.of(0)]);
  liar.node.dht.onrequest = (request) => {
    request.reply(lie);
    return true;
  };
  const found = await new DhtDirectory(a.node).lookup(TOPIC, never);
  assert.equal(found.length, LOOKUP_ANSWER_PEERS_MAX);
  assert.ok(fakes > LOOKUP_ANSWER_PEERS_MAX && DHT_NODES_PUBLIC > 1);
});

test("a look-up without anybody to ask is empty, an aborted one says why", async () => {
  await using alone = await startPeer([]);
  const directory = new DhtDirectory(alone.node);
  assert.deepEqual(await directory.lookup(TOPIC, never), []);
  await directory.announce(TOPIC, never);
  const reason = new Error("no longer wanted");
  await assert.rejects(directory.lookup(TOPIC, AbortSignal.abort(reason)), reason);
});
