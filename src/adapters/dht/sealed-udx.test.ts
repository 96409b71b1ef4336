import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import UDX from "udx-native";
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
import { DATAGRAM_BUFFER_BYTES } from "./limits.ts";
import { SealedUdx } from "./sealed-udx.ts";
import { startPeer, startPublicPeer, SWARM, type TestPeer } from "./testing.ts";

const never = new AbortController().signal;
/** A message of the DHT that every node answers: version and kind, flags "internal", number, the
 * address that it is for, command "ping". */
const ping = (number: number): Buffer =>
  Buffer.from([0x03, 0x04, number, 0x00, 127, 0, 0, 1, 1, 0, 0x00]);
/** The number of the ping that shows that everything before it was looked at. */
const LAST = 0xff;
const PING = ping(0x2a);

interface Sent {
  readonly message: Buffer;
  readonly port: number;
}

/** Everything that leaves the sockets of this process, as it leaves. */
function capture(): { sent: Sent[]; stop: () => void } {
  const sent: Sent[] = [];
  const proto = UdxSocket.prototype;
  const before = {
    send: Object.getOwnPropertyDescriptor(proto, "send")?.value as typeof proto.send,
    trySend: Object.getOwnPropertyDescriptor(proto, "trySend")?.value as typeof proto.trySend,
  };
  proto.send = function record(message, port, ...rest) {
    sent.push({ message: Buffer.from(message), port });
    return before.send.call(this, message, port, ...rest);
  };
  proto.trySend = function record(message, port, ...rest) {
    sent.push({ message: Buffer.from(message), port });
    return before.trySend.call(this, message, port, ...rest);
  };
  return { sent, stop: () => void Object.assign(proto, before) };
}

interface Outsider extends Disposable {
  /** Sends the datagrams, and waits until the node has looked at them.
   * @returns what it answered */
  ask(to: TestPeer, datagrams: readonly Uint8Array[]): Promise<readonly Buffer[]>;
}

/** A plain UDP socket, whose last question is always a member's: when that is answered, everything
 * before was looked at, for datagrams between two sockets of one machine keep their order. */
async function outsider(): Promise<Outsider> {
  const socket: Socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const member = new DatagramSeal(SWARM, systemClock, systemRandom);
  return {
    async ask(to, datagrams) {
      const { host, port } = portOf(to);
      const answers: Buffer[] = [];
      const answered = new Promise<void>((resolve) => {
        socket.on("message", (message) => {
          if (member.open(message)?.[2] === LAST) resolve();
          else answers.push(message);
        });
      });
      for (const datagram of datagrams) socket.send(datagram, port, host);
      socket.send(member.seal(ping(LAST)), port, host);
      await answered;
      socket.removeAllListeners("message");
      return answers;
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
  const wrong = [PING, Buffer.of(0), otherSwarm.seal(PING), ...garbage];
  assert.deepEqual(await stranger.ask(open, wrong), []);
});

test("a datagram that was answered is answered once", async () => {
  await using open = await startPublicPeer();
  using stranger = await outsider();
  const member = new DatagramSeal(SWARM, systemClock, systemRandom);
  const sealed = member.seal(PING);
  assert.equal((await stranger.ask(open, [sealed])).length, 1);
  assert.deepEqual(await stranger.ask(open, [sealed, sealed]), []);
  using another = await outsider();
  assert.deepEqual(await another.ask(open, [sealed]), []);
});

test("a node with another swarm's key finds nobody, and hears nothing", async () => {
  await using open = await startPublicPeer();
  const foreign = fixedSwarmKeys(new Uint8Array(32).fill(8));
  const captured = capture();
  await using lost = await startPeer([], { swarmKeys: foreign });
  lost.node.addBootstrap(open.node.bootstrap);
  const dialled = createPunchedCarrier(lost.node, lost.acceptor, { timeoutMs: 300 });
  await assert.rejects(dialled.dial(open.id, never), { code: "PEER_TIMEOUT" });
  captured.stop();
  const { serverSocket, clientSocket } = lost.node.dht.io;
  const ports = [serverSocket, clientSocket].map((socket) => socket?.address()?.port);
  const to = (port: number | undefined) => captured.sent.filter((each) => each.port === port);
  assert.ok(to(portOf(open).port).length > 0, "it asked");
  assert.deepEqual(ports.flatMap(to), [], "nobody answered");
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
  for (const { message } of captured.sent) {
    assert.equal(message[0], DATAGRAM_MARKER);
    assert.ok(secrets.every((secret) => !message.includes(secret)));
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
  for (let at = 0; at < nonsense.length; at += 50) {
    await stranger.ask(open, nonsense.slice(at, at + 50));
  }
});

test("a socket has as much room for datagrams as the system gives", async () => {
  const seal = new DatagramSeal(SWARM, systemClock, systemRandom);
  const sealed = new SealedUdx(seal, { host: undefined, ports: new Set() }).createSocket();
  const plain = new UDX().createSocket();
  try {
    for (const socket of [sealed, plain]) socket.bind(0, "127.0.0.1");
    plain.setRecvBufferSize(DATAGRAM_BUFFER_BYTES);
    assert.equal(sealed.getRecvBufferSize(), plain.getRecvBufferSize());
  } finally {
    await Promise.all([sealed, plain].map((socket) => socket.close()));
    seal.close();
  }
});
