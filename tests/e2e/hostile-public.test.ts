// Hostile peers against a public peer, which relays, tracks and runs DHT nodes: streams in masses,
// datagrams in masses, handshakes that never end.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import type { Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as timer } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { systemClock } from "../../src/adapters/clock.node.ts";
import { DatagramSeal } from "../../src/adapters/dht/datagram.ts";
import { startPeer as startDhtPeer } from "../../src/adapters/dht/testing.ts";
import { idBytes } from "../../src/base/id.ts";
import type { SigningKey } from "../../src/crypto/sign.node.ts";
import { fixedSwarmKeys } from "../../src/ports/swarm-keys.ts";
import { dropAll, inMasses, openSession } from "./attacker.ts";
import { holdfastJson, killDaemon, startPeer, TestSwarm } from "./harness.ts";
import { newKey, random, swarmKeyOf, WatchedPeer } from "./watched-peer.ts";
import type { Cost } from "./watched-peer.ts";

/** CI takes a tenth of the handshakes. */
const isLong = process.env["HOLDFAST_HOSTILE_LONG"] === "1";
const DATAGRAMS = 100_000;
const DATAGRAMS_AT_ONCE = 100;
const HANDSHAKES = isLong ? 10_000 : 1_000;
const STREAMS = 1_024;
/** The heap before it is collected, and the streams with their TLS state. */
const GROWN_MAX_MIB = 128 + STREAMS * 0.125;
let swarm: TestSwarm;
let victim: WatchedPeer;
let swarmKey: Uint8Array;
let port: number;

before(async () => {
  swarm = await TestSwarm.alone("hostile-public");
  const { home } = swarm.owner;
  await killDaemon(home);
  port = await freePort();
  const config = { port, public_address: `127.0.0.1:${port}`, tracker: true };
  for (const [name, value] of Object.entries(config)) {
    await holdfastJson(["--home", home, "config", "set", name, String(value)]);
  }
  victim = new WatchedPeer(await startPeer(home));
  assert.equal(victim.peer.port, port);
  swarmKey = swarmKeyOf(victim.peer);
});
after(() => swarm.stop());

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

function bear(t: TestContext, cost: Cost): void {
  t.diagnostic(`grown ${cost.grownMib} MiB, ${cost.served} hellos in ≤ ${cost.slowestMs} ms`);
  assert.ok(cost.grownMib <= GROWN_MAX_MIB, `${cost.grownMib} MiB are too many`);
}

async function openStream(path: string, key: SigningKey, machine: number): Promise<TLSSocket> {
  const socket = await openSession(victim.peer, swarmKey, key, machine, true);
  socket.resume();
  socket.write(
    `GET ${path} HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: holdfast\r\n\r\n`,
  );
  return socket;
}

const openOf = (sockets: readonly TLSSocket[]): number =>
  sockets.filter(({ closed }) => !closed).length;

/** Streams that the daemon refuses, of which it may not keep one. */
const REFUSED = ["/v1/nothing", "/api/nothing", "/v1/relay/nothing", "/v1/relay/take/nothing"];

test("streams in masses of one member: those refused are ended, of the others one stays", async (t) => {
  const key = newKey();
  const sockets: TLSSocket[] = [];
  t.after(() => dropAll(sockets));
  const cost = await victim.under(async () => {
    for (const path of [...REFUSED, "/api/agent", "/v1/relay/wait"]) {
      await inMasses(200, async () => sockets.push(await openStream(path, key, 1)));
    }
  });
  bear(t, cost);
  // Nobody hangs up: the daemon has to.
  await victim.released();
});

test("streams in masses of as many members cost no more than they may", async (t) => {
  const sockets: TLSSocket[] = [];
  t.after(() => dropAll(sockets));
  const cost = await victim.under(() =>
    inMasses(STREAMS, async (index) => {
      const path = index % 2 === 0 ? "/api/agent" : "/v1/relay/wait";
      sockets.push(await openStream(path, newKey(), index % 64));
    }),
  );
  t.diagnostic(`${openOf(sockets)} are open`);
  bear(t, cost);
  dropAll(sockets);
  await victim.released();
});

/** Sends datagrams to the four DHT nodes in turn, as fast as they are read. */
async function flood(socket: UdpSocket, next: (index: number) => Uint8Array): Promise<void> {
  for (let index = 0; index < DATAGRAMS; index++) {
    socket.send(next(index), port + (index % 4), "127.0.0.1");
    if (index % DATAGRAMS_AT_ONCE === 0) await timer(1);
  }
}

/** A socket, and how many datagrams came back to it. */
async function openUdp(): Promise<{ socket: UdpSocket; heard: () => number; close: () => void }> {
  const socket = createSocket("udp4");
  let count = 0;
  socket.on("message", () => count++);
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { socket, heard: () => count, close: () => void socket.close() };
}

test("100,000 datagrams of garbage, and as many sealed with another key: no answer", async (t) => {
  const { socket, heard, close } = await openUdp();
  t.after(close);
  const foreign = new DatagramSeal(fixedSwarmKeys(random.bytes(32)), systemClock, random);
  const garbage = randomBytes(64 * 1024);
  const cost = await victim.under(async () => {
    await flood(socket, (index) => garbage.subarray(index % 60_000, (index % 60_000) + 500));
    await flood(socket, () => foreign.seal(garbage.subarray(0, 100)));
  });
  assert.equal(heard(), 0);
  bear(t, cost);
  foreign.close();
});

/** A datagram that a member really sent, as somebody on its way sees it. */
async function recordDatagram(): Promise<Uint8Array> {
  const tap = createSocket("udp4");
  tap.bind(0, "127.0.0.1");
  await once(tap, "listening");
  const bootstrap = `127.0.0.1:${tap.address().port}`;
  const member = await startDhtPeer([bootstrap], { swarmKeys: fixedSwarmKeys(swarmKey) });
  const [datagram] = (await once(tap, "message")) as [Buffer];
  await member[Symbol.asyncDispose]();
  tap.close();
  return datagram;
}

test("a recorded datagram that is sent 100,000 times is answered once by each node", async (t) => {
  const recorded = await recordDatagram();
  const { socket, heard, close } = await openUdp();
  t.after(close);
  const cost = await victim.under(() => flood(socket, () => recorded));
  // One at least, or the recorded one would be no good one; the seal is one for all four nodes.
  assert.equal(heard(), 1);
  bear(t, cost);
});

/** In the library's form: the public key, and the seed followed by it. */
function keyPairOf(key: SigningKey): { publicKey: Buffer; secretKey: Buffer } {
  const publicKey = Buffer.from(key.publicKey);
  const seed = key.secret.export({ format: "der", type: "pkcs8" }).subarray(-32);
  return { publicKey, secretKey: Buffer.concat([seed, publicKey]) };
}

test("handshakes of made-up members that never end", async (t) => {
  const bootstrap = [0, 1, 2, 3].map((at) => `127.0.0.1:${port + at}`);
  const attacker = await startDhtPeer(bootstrap, { swarmKeys: fixedSwarmKeys(swarmKey) });
  t.after(() => attacker[Symbol.asyncDispose]());
  const { dht } = attacker.node;
  await dht.fullyBootstrapped();
  const target = Buffer.from(idBytes(victim.peer.id));
  let begun = 0;
  const cost = await victim.under(async () => {
    for (let index = 0; index < HANDSHAKES; index += 50) {
      const streams = Array.from({ length: 50 }, () => {
        const options = { keyPair: keyPairOf(newKey()), holepunch: () => false };
        return dht.connect(target, options);
      });
      for (const stream of streams) {
        stream.on("error", () => undefined);
        begun++;
      }
      await timer(50);
      for (const stream of streams) stream.destroy();
    }
  });
  assert.equal(begun, HANDSHAKES);
  bear(t, cost);
  await victim.released();
});
