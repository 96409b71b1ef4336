import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { UdxSocket } from "udx-native";
import { parseAddress } from "../../base/address.ts";
import { codeOf } from "../../base/error.ts";
import { createPunchedCarrier } from "./carrier.ts";
import { DHT_BOOTSTRAP_MAX, DHT_NODES_PUBLIC } from "./limits.ts";
import { freshKey, startPeer, startPublicPeer, type TestPeer } from "./testing.ts";

const never = new AbortController().signal;

function portsOf(peer: TestPeer): number[] {
  return peer.node.bootstrap.map((address) => parseAddress(address)?.port ?? 0);
}

test("a public peer runs four nodes in a row of ports, and frees them", async () => {
  const first = await startPublicPeer();
  const port = Math.max(...portsOf(first)) + 1;
  await first.node.close();
  for (let round = 0; round < 2; round++) {
    await using open = await startPublicPeer({ port });
    const expected = Array.from({ length: DHT_NODES_PUBLIC }, (_, index) => port + index);
    assert.deepEqual(portsOf(open), expected);
    const status = open.node.status();
    assert.deepEqual(
      [status.nat, status.firewalled, status.publicHost, status.publicPort],
      ["open", false, "127.0.0.1", port],
    );
  }
});

test("a port that is taken is said, and the others are freed", async () => {
  await using open = await startPublicPeer();
  const [port = 0] = portsOf(open).slice(-1);
  await assert.rejects(
    startPublicPeer({ port: port - 1 }),
    (error) => codeOf(error) === "EADDRINUSE",
  );
});

test("without a known node nobody is asked, the public network least of all", async () => {
  await using alone = await startPeer([]);
  await alone.node.dht.fullyBootstrapped();
  assert.deepEqual(alone.node.dht.bootstrapNodes, []);
  await createPunchedCarrier(alone.node, alone.acceptor).listen(() => undefined);
  assert.equal(alone.node.dht.io.clientSocket?.packetsTransmitted, 0);
  assert.equal(alone.node.dht.io.serverSocket?.packetsTransmitted, 0);
  assert.deepEqual(alone.node.status(), {
    bootstrapped: false,
    firewalled: true,
    nat: "unknown",
    udpBlocked: false,
  });
});

test("another network is used where it is asked for, and then no other", async () => {
  await using alone = await startPeer(["127.0.0.1:1"], { publicDht: ["127.0.0.1:2"] });
  assert.deepEqual(alone.node.dht.bootstrapNodes, [{ host: "127.0.0.1", port: 2 }]);
});

test("a node that hears of others later finds them", async () => {
  await using open = await startPublicPeer();
  await using early = await startPeer([]);
  await using late = await startPeer(open.node.bootstrap);
  await createPunchedCarrier(early.node, early.acceptor).listen(({ socket }) => socket.resume());
  const carrier = createPunchedCarrier(late.node, late.acceptor);
  await assert.rejects(carrier.dial(early.id, never), { code: "PEER_UNKNOWN" });
  assert.equal(createPunchedCarrier(early.node, early.acceptor).mayReach(late.id), false);
  const met = once(early.node.dht, "add-node");
  early.node.addBootstrap(["not an address", "[::1]:7000", ...open.node.bootstrap]);
  await met;
  assert.equal(createPunchedCarrier(early.node, early.acceptor).mayReach(late.id), true);
  assert.equal(early.node.dht.bootstrapNodes.length, DHT_NODES_PUBLIC);
});

test("the addresses of nodes that are remembered are bounded", async () => {
  await using alone = await startPeer([]);
  const many = Array.from({ length: 300 }, (_, index) => `127.0.0.2:${index + 1}`);
  alone.node.addBootstrap(many);
  assert.equal(alone.node.dht.bootstrapNodes.length, DHT_BOOTSTRAP_MAX);
});

test("a dial that is aborted ends at once with its reason", async () => {
  await using open = await startPublicPeer();
  await using peer = await startPeer(open.node.bootstrap);
  const abort = new AbortController();
  const carrier = createPunchedCarrier(peer.node, peer.acceptor);
  const dialled = carrier.dial(open.id, abort.signal);
  abort.abort(new Error("no longer wanted"));
  await assert.rejects(dialled, /no longer wanted/);
});

test("two peers with the same seed are the same peer", async () => {
  const key = freshKey();
  await using one = await startPeer([], { key });
  await using two = await startPeer([], { key });
  assert.equal(one.node.self, two.node.self);
  assert.deepEqual(one.node.dht.defaultKeyPair, two.node.dht.defaultKeyPair);
});

test("ports of passing sockets do not make the router look symmetric", async () => {
  await using open = await startPublicPeer();
  await using home = await startPeer([]);
  const { dht } = home.node;
  const nodes = portsOf(open).map((port) => ({ host: "127.0.0.1", port }));
  const pool = Reflect.get(dht, "_socketPool") as { acquire(): { socket: UdxSocket } };
  for (const node of nodes) await dht.ping(node, { socket: pool.acquire().socket });
  assert.equal(home.node.status().nat, "unknown");
  for (const node of nodes) await dht.ping(node);
  const { nat, publicPort } = home.node.status();
  assert.deepEqual([nat, publicPort], ["consistent", dht.io.clientSocket?.address()?.port]);
});
