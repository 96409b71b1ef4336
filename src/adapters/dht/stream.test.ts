import assert from "node:assert/strict";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import type { Carrier, Session } from "../net/carrier.ts";
import { createKnocker } from "../tls/knock.ts";
import { createPunchedCarrier } from "./carrier.ts";
import { encodeHello } from "./frame.ts";
import { STREAM_PIECE_BYTES, STREAM_WINDOW_BYTES } from "./limits.ts";
import { startPeer, startPublicPeer, type TestPeer } from "./testing.ts";

const MIB = 1024 * 1024;
const never = new AbortController().signal;

interface Pair extends AsyncDisposable {
  readonly a: Duplex;
  readonly b: Duplex;
  readonly dial: () => Promise<Duplex>;
}

/** Two ends of one session, on loopback. */
async function pair(): Promise<Pair> {
  const open = await startPublicPeer();
  const [from, to] = [await startPeer(open.node.bootstrap), await startPeer(open.node.bootstrap)];
  const carrier = createPunchedCarrier(from.node, from.acceptor);
  const taken = Promise.withResolvers<Session>();
  await createPunchedCarrier(to.node, to.acceptor).listen(taken.resolve);
  const a = await carrier.dial(to.id, never);
  const { socket: b } = await taken.promise;
  return {
    a,
    b,
    dial: () => carrier.dial(to.id, never),
    [Symbol.asyncDispose]: () => closeAll([from, to, open]),
  };
}

async function closeAll(peers: readonly TestPeer[]): Promise<void> {
  for (const peer of peers) await peer.node.close();
}

/** All that comes until the end; unlike an iterator it leaves the stream open. */
function readAll(from: Duplex): Promise<Buffer> {
  const pieces: Buffer[] = [];
  from.on("data", (piece: Buffer) => pieces.push(piece));
  return new Promise((resolve, reject) => {
    from.once("end", () => resolve(Buffer.concat(pieces)));
    from.once("close", () => reject(new Error("closed before the end")));
  });
}

function closed(end: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (end.closed) resolve();
    else end.once("close", resolve);
  });
}

function numbered(lengthBytes: number): Buffer {
  const bytes = Buffer.alloc(lengthBytes);
  for (let at = 0; at + 4 <= lengthBytes; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}

test("every length arrives as it was sent, both ways at once", async () => {
  await using ends = await pair();
  const { a, b } = ends;
  const P = STREAM_PIECE_BYTES;
  const bytes = numbered(8 * MIB);
  const sendAll = async (to: Duplex): Promise<void> => {
    for (const length of [1, P - 1, P, P + 1, 2 * P + 17, STREAM_WINDOW_BYTES, 2 * MIB]) {
      if (!to.write(bytes.subarray(0, length))) await once(to, "drain");
    }
    to.end();
  };
  const expected = [1, P - 1, P, P + 1, 2 * P + 17, STREAM_WINDOW_BYTES, 2 * MIB].map((length) =>
    bytes.subarray(0, length),
  );
  const [atA, atB] = await Promise.all([readAll(a), readAll(b), sendAll(a), sendAll(b)]);
  assert.ok(atA.equals(Buffer.concat(expected)));
  assert.ok(atB.equals(Buffer.concat(expected)));
  await Promise.all([a, b].map(closed));
});

test("a sender is never further ahead of a slow reader than the window", async () => {
  await using ends = await pair();
  const { a, b } = ends;
  const block = numbered(MIB / 4);
  let sentBytes = 0;
  let readBytes = 0;
  let aheadBytes = 0;
  const sending = (async () => {
    while (sentBytes < 64 * MIB) {
      sentBytes += block.length;
      if (!a.write(block)) await once(a, "drain");
    }
    a.end();
  })();
  for await (const piece of b as AsyncIterable<Buffer>) {
    aheadBytes = Math.max(aheadBytes, sentBytes - readBytes);
    readBytes += piece.length;
    for (let turns = 0; turns < 8; turns++) await turn();
  }
  await sending;
  assert.equal(readBytes, 64 * MIB);
  assert.ok(aheadBytes > STREAM_WINDOW_BYTES, "the reader was slow enough to tell");
  assert.ok(aheadBytes <= STREAM_WINDOW_BYTES + 2 * MIB, `${aheadBytes} bytes ahead`);
});

test("the end of one side leaves the other open", async () => {
  await using ends = await pair();
  const { a, b } = ends;
  a.end("question");
  assert.equal((await readAll(b)).toString(), "question");
  assert.equal(b.writable, true);
  b.write("answer, ");
  b.end("later");
  assert.equal((await readAll(a)).toString(), "answer, later");
});

test("a stream that is cut closes the other end once, with no error uncaught", async () => {
  await using ends = await pair();
  const { a, b } = ends;
  let closes = 0;
  b.on("close", () => closes++);
  b.resume();
  a.write(numbered(MIB));
  a.destroy(new Error("cut"));
  await closed(b);
  assert.equal(b.readableEnded, false);
  b.write("into the void");
  await turn();
  assert.equal(closes, 1);
});

test("the many sessions of two peers open at once and do not mix", async () => {
  await using ends = await pair();
  const sockets = await Promise.all(Array.from({ length: 8 }, () => ends.dial()));
  assert.equal(new Set(sockets).size, 8);
  for (const socket of sockets) socket.destroy();
});

test("framing that breaks the rules ends the session", async () => {
  for (const wrong of [[0x11], [0x12, 1, 0, 0, 0], [0x12, 0], [0x13, 0], [0x10], [0x00]] as const) {
    const open = await startPublicPeer();
    const from = await startPeer(open.node.bootstrap);
    const taken = Promise.withResolvers<Session>();
    await createPunchedCarrier(open.node, open.acceptor).listen(taken.resolve);
    const carrier: Carrier = createPunchedCarrier(from.node, from.acceptor);
    // The library's stream below ours is what a peer with other software would speak through.
    const raw = from.node.dht.connect(Buffer.from(open.node.keyPair.publicKey), {});
    raw.on("error", () => undefined);
    await raw.opened;
    raw.write(helloOf(from, open));
    raw.write(Buffer.from(wrong));
    const { socket } = await taken.promise;
    await closed(socket);
    await carrier.close();
    await closeAll([from, open]);
  }
});

function helloOf(from: TestPeer, to: TestPeer): Buffer {
  const { swarmKeys, clock, random } = from.node.options;
  return encodeHello(createKnocker(swarmKeys, clock, random)(to.node.keyPair.publicKey));
}
