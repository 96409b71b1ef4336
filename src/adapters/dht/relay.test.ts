import assert from "node:assert/strict";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { idOf, type PeerId } from "../../base/id.ts";
import { NetError } from "../net-error.ts";
import type { Session } from "../net/carrier.ts";
import { createRelayedCarrier } from "./carrier.ts";
import { openUdpRelay, type RelayBounds, type UdpRelay } from "./relay.ts";
import { freshKey, startPeer, startPublicPeer, type TestPeer } from "./testing.ts";

const never = new AbortController().signal;
const MIB = 1024 * 1024;

interface Trio extends AsyncDisposable {
  readonly relay: UdpRelay;
  readonly open: TestPeer;
  readonly a: TestPeer;
  readonly b: TestPeer;
  readonly sessions: Session[];
  dial(relays?: readonly PeerId[]): Promise<Duplex>;
}

/** Two peers that speak through the relay of a third one only. */
async function trio(bounds: Partial<RelayBounds> = {}): Promise<Trio> {
  const quick = { keepAliveMs: 50, silenceMs: 400 };
  const open = await startPublicPeer(quick);
  const a = await startPeer(open.node.bootstrap, quick);
  const b = await startPeer(open.node.bootstrap, quick);
  const relay = await openUdpRelay(open.node, open.acceptor, bounds);
  const sessions: Session[] = [];
  const at = (peer: TestPeer, relays: readonly PeerId[]) =>
    createRelayedCarrier(peer.node, peer.acceptor, { relays: () => relays, timeoutMs: 1_000 });
  await at(b, []).listen((session) => sessions.push(session));
  return {
    relay,
    open,
    a,
    b,
    sessions,
    dial: (relays = [open.id]) => at(a, relays).dial(b.id, never),
    [Symbol.asyncDispose]: async () => {
      for (const peer of [a, b, open]) await peer.node.close();
    },
  };
}

async function sendAndCount(from: Duplex, to: Duplex, lengthBytes: number): Promise<number> {
  let count = 0;
  to.on("data", (piece: Buffer) => (count += piece.length));
  const ended = new Promise((resolve) => to.once("end", resolve));
  from.end(Buffer.alloc(lengthBytes));
  await ended;
  return count;
}

test("a relay carries a session between two peers, and counts it", async () => {
  await using three = await trio();
  const socket = await three.dial();
  socket.write("to see who is there");
  await seen(three.sessions);
  const [session] = three.sessions;
  assert.ok(session !== undefined);
  assert.deepEqual(
    [session.peer, session.carrier, session.standing, session.address],
    [three.a.id, "relayed", "member", undefined],
  );
  const count = await sendAndCount(socket, session.socket, 4 * MIB);
  assert.equal(count, 4 * MIB + "to see who is there".length);
  const usage = three.relay.usage();
  assert.ok((usage.get(three.a.id) ?? 0) > 4 * MIB);
  assert.ok((usage.get(three.b.id) ?? 0) < MIB);
});

test("a dial takes the next relay where one does not answer", async () => {
  await using three = await trio();
  const nobody = idOf(freshKey().publicKey);
  const socket = await three.dial([nobody, three.b.id, three.a.id, three.open.id]);
  assert.equal(socket.destroyed, false);
  await assert.rejects(three.dial([nobody]), NetError);
  await assert.rejects(three.dial([]), { code: "PEER_UNREACHABLE" });
});

test("a relay that stops in the middle ends the sessions", async () => {
  await using three = await trio();
  const socket = await three.dial();
  socket.write("hello");
  await seen(three.sessions);
  const ends = [socket, ...three.sessions.map((session) => session.socket)];
  const closed = ends.map((end) => new Promise((resolve) => end.once("close", resolve)));
  await three.relay.close();
  await Promise.all(closed);
  await assert.rejects(three.dial(), NetError);
});

test("a peer over its share is cut off, and let in again by nobody that day", async () => {
  await using three = await trio({ dayPerPeerMaxBytes: MIB });
  const socket = await three.dial();
  socket.write("hello");
  await seen(three.sessions);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  three.sessions[0]?.socket.resume();
  const send = (): void => {
    while (socket.write(Buffer.alloc(MIB / 4)));
  };
  socket.on("drain", send);
  send();
  await closed;
  await assert.rejects(three.dial(), NetError);
});

test("one peer gets no more connections of a relay than its share", async () => {
  await using three = await trio({ connectionsPerPeerMax: 2 });
  await three.dial();
  await three.dial();
  await assert.rejects(three.dial(), NetError);
});

async function seen(sessions: readonly Session[]): Promise<void> {
  while (sessions.length === 0) await new Promise((resolve) => setImmediate(resolve));
}
