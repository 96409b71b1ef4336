import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { createPunchedCarrier } from "./carrier.ts";
import { startPeer, startPublicPeer } from "./testing.ts";

const never = new AbortController().signal;

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
