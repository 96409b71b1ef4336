// Hostile peers by TCP against a real daemon: bounded memory, honest peers served, all released.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";
import type { TLSSocket } from "node:tls";
import { setTimeout as timer } from "node:timers/promises";
import { SESSION_BOUNDS, SESSION_TIMES } from "../../src/adapters/net/options.ts";
import { base64UrlEncode } from "../../src/base/base64url.ts";
import { MIB, REQUEST_BODIES_MAX_BYTES } from "../../src/base/limits.ts";
import type { SigningKey } from "../../src/crypto/sign.node.ts";
import { clientHello, dropAll, inMasses, knockAt, openBare, openSession } from "./attacker.ts";
import { TestSwarm } from "./harness.ts";
import { certificateOf, newKey, swarmKeyOf, WatchedPeer } from "./watched-peer.ts";
import type { Cost } from "./watched-peer.ts";

/** What all attacks together may cost: the heap, which grows before it is collected; sessions that
 * are not proven and those that are, with their TLS state; the bodies that are on their way. */
const HEAP_MIB = 96;
const SESSION_MIB = 0.125;
const GROWN_MAX_MIB =
  HEAP_MIB +
  (SESSION_BOUNDS.halfOpenMax + SESSION_BOUNDS.acceptedMax) * SESSION_MIB +
  REQUEST_BODIES_MAX_BYTES / MIB;
let swarm: TestSwarm;
let victim: WatchedPeer;
let swarmKey: Uint8Array;

before(async () => {
  swarm = await TestSwarm.alone("hostile");
  victim = new WatchedPeer(swarm.owner);
  swarmKey = swarmKeyOf(swarm.owner);
});
after(() => swarm.stop());

function bear(t: TestContext, cost: Cost): void {
  t.diagnostic(`grown ${cost.grownMib} MiB, ${cost.served} hellos in ≤ ${cost.slowestMs} ms`);
  assert.ok(cost.grownMib <= GROWN_MAX_MIB, `${cost.grownMib} MiB are too many`);
}

function closedOf(socket: Socket): Promise<void> {
  // What was answered is read, or its end is never seen.
  socket.resume();
  return new Promise<void>((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
}

test("10,000 connections, silent or with a wrong knock", async (t) => {
  const sockets: Socket[] = [];
  t.after(() => dropAll(sockets));
  const cost = await victim.under(() =>
    inMasses(10_000, async (index) => {
      const socket = await openBare(swarm.owner, index % 200);
      if (index % 2 === 0) socket.write(randomBytes(40));
      else sockets.push(socket);
    }),
  );
  const open = sockets.filter(({ closed }) => !closed).length;
  t.diagnostic(`${open} silent ones are open still`);
  assert.ok(open <= SESSION_BOUNDS.halfOpenMax);
  bear(t, cost);
  // Nobody hangs up: the daemon has to.
  await Promise.all(sockets.map(closedOf));
  await victim.released();
});

test("2,000 handshakes of a member that stop in the middle", async (t) => {
  const sockets: Socket[] = [];
  t.after(() => dropAll(sockets));
  const hello = await clientHello();
  const cost = await victim.under(() =>
    inMasses(2_000, async (index) => {
      const socket = await openBare(swarm.owner, index % 100);
      socket.write(knockAt(swarm.owner, swarmKey));
      socket.write(hello);
      sockets.push(socket);
    }),
  );
  bear(t, cost);
  await Promise.all(sockets.map(closedOf));
  await victim.released();
});

/** Sessions of as many members as it takes to have all places. */
async function takeAllPlaces(
  onOpen: (socket: TLSSocket, key: SigningKey) => void,
): Promise<TLSSocket[]> {
  const { acceptedMax, acceptedPerPeerMax } = SESSION_BOUNDS;
  const sockets: TLSSocket[] = [];
  for (let member = 0; member < acceptedMax / acceptedPerPeerMax; member++) {
    const key = newKey();
    const opened = Array.from({ length: acceptedPerPeerMax }, async () => {
      const socket = await openSession(swarm.owner, swarmKey, key, member);
      onOpen(socket, key);
      return socket;
    });
    sockets.push(...(await Promise.all(opened)));
  }
  return sockets;
}

test("headers without end, on every session that there can be", async (t) => {
  let sockets: TLSSocket[] = [];
  t.after(() => dropAll(sockets));
  const cost = await victim.under(async () => {
    sockets = await takeAllPlaces((socket) => {
      socket.write(`GET /v1/hello HTTP/1.1\r\nhost: h\r\n${"x: y\r\n".repeat(100)}`);
    });
    await timer(1_000);
    for (const socket of sockets) socket.write("z".repeat(2 * SESSION_BOUNDS.headersMaxBytes));
    await Promise.all(sockets.map(closedOf));
  });
  bear(t, cost);
  await victim.released();
});

test("10,000 requests in a row on each of 16 sessions, without waiting for an answer", async (t) => {
  const requests = "GET /v1/peers HTTP/1.1\r\nhost: h\r\n\r\n".repeat(10_000);
  const key = newKey();
  const cost = await victim.under(async () => {
    const opening = Array.from({ length: 16 }, () => openSession(swarm.owner, swarmKey, key));
    const sockets = await Promise.all(opening);
    for (const socket of sockets) socket.write(requests);
    await Promise.all(sockets.map(closedOf));
  });
  bear(t, cost);
  await victim.released();
});

for (const lengthBytes of [2_000, 66_000, 2 ** 20]) {
  test(`bodies of ${lengthBytes} bytes that never end, on every session that there can be`, (t) =>
    trickle(t, lengthBytes));
}

async function trickle(t: TestContext, lengthBytes: number): Promise<void> {
  const most = Buffer.alloc(lengthBytes - 1_000);
  const open = new Set<TLSSocket>();
  const sockets: TLSSocket[] = [];
  t.after(() => dropAll(sockets));
  const cost = await victim.under(async () => {
    sockets.push(
      ...(await takeAllPlaces((socket, key) => {
        const certificate = `holdfast-certificate: ${base64UrlEncode(certificateOf(key))}`;
        const head = `POST /v1/have HTTP/1.1\r\nhost: h\r\n${certificate}\r\n`;
        socket.write(`${head}content-length: ${lengthBytes}\r\n\r\n`);
        socket.write(most);
        open.add(socket);
        void closedOf(socket).then(() => open.delete(socket));
      })),
    );
    for (let second = 0; second < 3; second++) {
      await timer(1_000);
      for (const socket of open) socket.write("x");
    }
  });
  t.diagnostic(`${open.size} sessions are open still`);
  bear(t, cost);
  // It did not have to wait until the bodies were given up.
  assert.ok(cost.slowestMs < SESSION_TIMES.stallMs / 2);
  dropAll(sockets);
  await victim.released();
}
