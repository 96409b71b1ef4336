import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import UdxSocket from "udx-native/lib/socket.js";
import { parseAddress, type HostPort } from "../../base/address.ts";
import { idBytes, idOf } from "../../base/id.ts";
import { hash } from "../../crypto/hash.node.ts";
import { fixedSwarmKeys } from "../../ports/swarm-keys.ts";
import { systemClock } from "../clock.node.ts";
import { systemRandom } from "../random.node.ts";
import { createPunchedCarrier } from "./carrier.ts";
import { DATAGRAM_MARKER, DatagramSeal } from "./datagram.ts";
import { DhtDirectory } from "./directory.ts";
import { startPeer, startPublicPeer, SWARM, type TestPeer } from "./testing.ts";

const never = new AbortController().signal;
/** A message of the DHT that every node answers: version and kind, flags "internal", number, the
 * address that it is for, command "ping". */
const PING = Buffer.from([0x03, 0x04, 0x2a, 0x00, 127, 0, 0, 1, 1, 0, 0x00]);

/** Everything that leaves the sockets of this process, as it leaves. */
function capture(): { sent: Buffer[]; stop: () => void } {
  const sent: Buffer[] = [];
  const proto = UdxSocket.prototype;
  const { send, trySend } = proto;
  proto.send = function record(message, ...rest) {
    sent.push(Buffer.from(message));
    return send.call(this, message, ...rest);
  };
  proto.trySend = function record(message, ...rest) {
    sent.push(Buffer.from(message));
    return trySend.call(this, message, ...rest);
  };
  return { sent, stop: () => void Object.assign(proto, { send, trySend }) };
}

interface Outsider extends Disposable {
  readonly heard: Buffer[];
  /** Sends the datagrams, and waits until the node has worked on them. */
  ask(to: TestPeer, datagrams: readonly Uint8Array[]): Promise<void>;
}

/** A plain UDP socket, which can also be let in, to know when everything before was looked at. */
async function outsider(): Promise<Outsider> {
  const socket: Socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const heard: Buffer[] = [];
  socket.on("message", (message) => heard.push(message));
  const member = new DatagramSeal(SWARM, systemClock, systemRandom);
  return {
    heard,
    async ask(to, datagrams) {
      const { host, port } = portOf(to);
      for (const datagram of datagrams) socket.send(datagram, port, host);
      const before = heard.length;
      socket.send(member.seal(PING), port, host);
      // Datagrams of one socket to another keep their order on one machine.
      await once(socket, "message");
      const answer = heard.pop();
      assert.ok(answer !== undefined && member.open(answer)?.[0] === 0x13, "a member is answered");
      assert.equal(heard.length, before, "and nobody else");
    },
    [Symbol.dispose]: () => void socket.close(),
  };
}

function portOf(peer: TestPeer): HostPort {
  const address = parseAddress(peer.node.bootstrap[0] ?? "");
  assert.ok(address !== undefined);
  return address;
}

test("a datagram that no member has sealed gets no answer", async () => {
  await using open = await startPublicPeer();
  using stranger = await outsider();
  const foreign = fixedSwarmKeys(new Uint8Array(32).fill(8));
  const otherSwarm = new DatagramSeal(foreign, systemClock, systemRandom);
  const garbage = Array.from({ length: 256 }, (_, length) => {
    const bytes = Buffer.from(systemRandom.bytes(length + 1));
    if (length % 2 === 0) bytes[0] = DATAGRAM_MARKER;
    return bytes;
  });
  await stranger.ask(open, [PING, Buffer.of(0), otherSwarm.seal(PING), ...garbage]);
});

test("a datagram that was answered is answered once", async () => {
  await using open = await startPublicPeer();
  using stranger = await outsider();
  const member = new DatagramSeal(SWARM, systemClock, systemRandom);
  const [first, second] = [member.seal(PING), member.seal(PING)];
  await stranger.ask(open, []);
  const { host, port } = portOf(open);
  const socket = createSocket("udp4");
  socket.send(first, port, host);
  await once(socket, "message");
  socket.close();
  await stranger.ask(open, [first, first]);
  await assert.rejects(stranger.ask(open, [second, second]), /nobody else|a member/);
});

test("a node with another swarm's key finds nobody, and hears nothing", async () => {
  await using open = await startPublicPeer();
  const foreign = fixedSwarmKeys(new Uint8Array(32).fill(8));
  const captured = capture();
  await using lost = await startPeer([], { swarmKeys: foreign });
  lost.node.addBootstrap(open.node.bootstrap);
  const asked = captured.sent.length;
  const dialled = createPunchedCarrier(lost.node, lost.acceptor, { timeoutMs: 300 });
  await assert.rejects(dialled.dial(open.id, never), { code: "PEER_TIMEOUT" });
  captured.stop();
  assert.ok(captured.sent.length > asked, "it asked");
  const ours = new DatagramSeal(SWARM, systemClock, systemRandom);
  assert.ok(
    captured.sent.slice(asked).every((datagram) => ours.open(datagram) === undefined),
    "and nobody of ours said a word",
  );
  assert.equal(lost.node.status().bootstrapped, false);
});

test("no datagram shows a topic, a peer or a key", async () => {
  const captured = capture();
  const topic = idOf(hash(Buffer.from("a shard")));
  await using open = await startPublicPeer();
  await using a = await startPeer(open.node.bootstrap);
  await using b = await startPeer(open.node.bootstrap);
  await createPunchedCarrier(b.node, b.acceptor).listen(({ socket }) => socket.resume());
  const directory = new DhtDirectory(b.node);
  await directory.announce(topic, never);
  assert.deepEqual(await new DhtDirectory(a.node).lookup(topic, never), [b.id]);
  const socket = await createPunchedCarrier(a.node, a.acceptor).dial(b.id, never);
  socket.destroy();
  captured.stop();
  const secrets = [topic, a.id, b.id, open.id].flatMap((id) => [
    Buffer.from(idBytes(id)),
    Buffer.from(hash(idBytes(id))),
    Buffer.from(id),
  ]);
  secrets.push(Buffer.from(SWARM.current().key));
  assert.ok(captured.sent.length > 20);
  for (const datagram of captured.sent) {
    assert.equal(datagram[0], DATAGRAM_MARKER);
    assert.ok(secrets.every((secret) => !datagram.includes(secret)));
  }
});

test("a member that sends nonsense brings nobody down", async () => {
  await using open = await startPublicPeer();
  using stranger = await outsider();
  const member = new DatagramSeal(SWARM, systemClock, systemRandom);
  const nonsense = Array.from({ length: 2_000 }, (_, at) => {
    const bytes = Buffer.from(systemRandom.bytes(12 + (at % 150)));
    bytes[0] = at % 3 === 0 ? 0x13 : 0x03;
    bytes[1] = (bytes[1] ?? 0) & 0x1f;
    // All commands, with the routes and addresses in them at random.
    bytes[10] = at % 12;
    return member.seal(bytes);
  });
  for (let at = 0; at < nonsense.length; at += 100) {
    const { host, port } = portOf(open);
    const socket = createSocket("udp4");
    for (const datagram of nonsense.slice(at, at + 100)) socket.send(datagram, port, host);
    await new Promise<void>((resolve) =>
      socket.send(member.seal(PING), port, host, () => resolve()),
    );
    await once(socket, "message");
    socket.close();
  }
  await stranger.ask(open, []);
});
