import assert from "node:assert/strict";
import { spawn } from "node:child_process";
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

/** A peer in a process of its own, which writes without end to whoever opens a session. */
const CHILD = `
import { createPunchedCarrier } from "${new URL("carrier.ts", import.meta.url).href}";
import { startPeer } from "${new URL("testing.ts", import.meta.url).href}";
const { id, node, acceptor } = await startPeer(process.argv.slice(1), { keepAliveMs: 50 });
await createPunchedCarrier(node, acceptor).listen(({ socket }) => {
  const send = () => {
    while (socket.write(Buffer.alloc(100_000)));
  };
  socket.resume().on("drain", send);
  send();
});
process.stdout.write(id);
`;

test("a peer that is killed in the middle ends its sessions within the silence", async () => {
  await using open = await startPublicPeer();
  await using peer = await startPeer(open.node.bootstrap, { keepAliveMs: 50, silenceMs: 500 });
  const child = spawn(
    process.execPath,
    ["--input-type=module", "--eval", CHILD, ...open.node.bootstrap],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const [id] = (await once(child.stdout, "data")) as [Buffer];
  const carrier = createPunchedCarrier(peer.node, peer.acceptor);
  const socket = await carrier.dial(id.toString(), never);
  let receivedBytes = 0;
  await new Promise<void>((resolve) => {
    socket.on("data", (piece: Buffer) => {
      receivedBytes += piece.length;
      if (receivedBytes > 3_000_000) resolve();
    });
  });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const startMs = performance.now();
  child.kill("SIGKILL");
  await closed;
  assert.ok(performance.now() - startMs < 5_000);
  assert.equal(socket.readableEnded, false, "and what came is not taken for the whole");
});
