import assert from "node:assert/strict";
import { test } from "node:test";
import { fixedSwarmKeys, type SwarmKeys } from "../../ports/swarm-keys.ts";
import { NetError } from "../net-error.ts";
import type { Session } from "../net/carrier.ts";
import { createKnocker } from "../tls/knock.ts";
import { createPunchedCarrier } from "./carrier.ts";
import { encodeHello } from "./frame.ts";
import { SESSIONS_PER_PEER_MAX } from "./limits.ts";
import { startPeer, startPublicPeer, SWARM, type TestPeer } from "./testing.ts";

const never = new AbortController().signal;

/** Opens a stream past the carrier, says `first` in it and waits for its end or a session. */
async function say(from: TestPeer, to: TestPeer, first: Buffer): Promise<"closed" | Session> {
  const taken = Promise.withResolvers<Session>();
  await createPunchedCarrier(to.node, to.acceptor).listen(taken.resolve);
  const raw = from.node.dht.connect(Buffer.from(to.node.keyPair.publicKey), {});
  raw.on("error", () => undefined);
  const closed = new Promise<"closed">((resolve) => raw.once("close", () => resolve("closed")));
  await raw.opened;
  raw.write(first);
  return Promise.race([closed, taken.promise]);
}

function knockWith(keys: SwarmKeys, from: TestPeer, dialled: Uint8Array): Buffer {
  const { clock, random } = from.node.options;
  return encodeHello(createKnocker(keys, clock, random)(dialled));
}

test("a session without the right knock is closed", async () => {
  await using open = await startPublicPeer();
  await using peer = await startPeer(open.node.bootstrap);
  const { publicKey } = open.node.keyPair;
  const foreign = fixedSwarmKeys(new Uint8Array(32).fill(8));
  const right = knockWith(SWARM, peer, publicKey);
  for (const wrong of [
    knockWith(foreign, peer, publicKey),
    knockWith(SWARM, peer, peer.node.keyPair.publicKey),
    right.subarray(0, -1),
    Buffer.concat([right, Buffer.of(0)]),
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
  ]) {
    assert.equal(await say(peer, open, wrong), "closed");
  }
  const session = await say(peer, open, right);
  assert.ok(session !== "closed" && session.peer === peer.id);
  assert.equal(await say(peer, open, right), "closed", "a knock is let in once");
});

test("a connection to a relay is closed where there is none", async () => {
  await using open = await startPublicPeer();
  await using peer = await startPeer(open.node.bootstrap);
  assert.equal(await say(peer, open, Buffer.from([0, 0, 1])), "closed");
});

test("a message longer than any of ours ends the session", async () => {
  await using open = await startPublicPeer();
  await using peer = await startPeer(open.node.bootstrap);
  const raw = peer.node.dht.connect(Buffer.from(open.node.keyPair.publicKey), {});
  await createPunchedCarrier(open.node, open.acceptor).listen(({ socket }) => socket.resume());
  raw.on("error", () => undefined);
  const closed = new Promise((resolve) => raw.once("close", resolve));
  await raw.opened;
  raw.write(knockWith(SWARM, peer, open.node.keyPair.publicKey));
  raw.write(Buffer.alloc(200_000, 0x11));
  await closed;
});

test("one peer gets so many sessions and no more", async () => {
  await using open = await startPublicPeer();
  await using peer = await startPeer(open.node.bootstrap);
  await createPunchedCarrier(open.node, open.acceptor).listen(({ socket }) => socket.resume());
  const carrier = createPunchedCarrier(peer.node, peer.acceptor, { timeoutMs: 500 });
  for (let each = 0; each < SESSIONS_PER_PEER_MAX; each++) await carrier.dial(open.id, never);
  await assert.rejects(carrier.dial(open.id, never), NetError);
});
