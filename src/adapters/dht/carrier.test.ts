import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import type { Session } from "../net/carrier.ts";
import { createPunchedCarrier } from "./carrier.ts";
import { startPeer, startPublicPeer } from "./testing.ts";

const never = new AbortController().signal;

test("a session carries HTTP between two peers that know one public peer", async () => {
  await using open = await startPublicPeer();
  await using a = await startPeer(open.node.bootstrap);
  await using b = await startPeer(open.node.bootstrap);
  const server = createServer((req, res) => {
    buffer(req).then(
      (body) => res.end(`got ${body.length}`),
      () => res.destroy(),
    );
  });
  const sessions: Session[] = [];
  await createPunchedCarrier(b.node, b.acceptor).listen((session) => {
    sessions.push(session);
    server.emit("connection", session.socket);
  });
  const socket = await createPunchedCarrier(a.node, a.acceptor).dial(b.id, never);
  for (const body of [Buffer.alloc(3_000_000, 1), Buffer.alloc(5)]) {
    const answer = await post(socket, body);
    assert.equal(answer, `got ${body.length}`);
  }
  const [session] = sessions;
  assert.deepEqual(
    [sessions.length, session?.peer, session?.carrier, session?.standing],
    [1, a.id, "punched", "member"],
  );
  assert.match(session?.address ?? "", /^127\.0\.0\.1:\d+$/);
});

async function post(socket: Duplex, body: Buffer): Promise<string> {
  const sent = request({
    createConnection: () => socket,
    method: "POST",
    headers: { connection: "keep-alive", "content-length": body.length },
  });
  sent.end(body);
  const [answer] = (await once(sent, "response")) as [NodeJS.ReadableStream];
  return (await buffer(answer)).toString();
}
