import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { createPunchedCarrier } from "./carrier.ts";
import { startPublicPeer } from "./testing.ts";

const never = new AbortController().signal;

/** A peer in a process of its own, which can go without a word. */
const CHILD = `
import { createPunchedCarrier } from "${new URL("carrier.ts", import.meta.url).href}";
import { startPeer } from "${new URL("testing.ts", import.meta.url).href}";
const { id, node, acceptor } = await startPeer(process.argv.slice(1));
await createPunchedCarrier(node, acceptor).listen(({ socket }) => socket.resume());
process.stdout.write(id);
`;

test("dialOne() of a peer that has just died fails, and nothing else does", async () => {
  await using open = await startPublicPeer();
  const command = ["--input-type=module", "--eval", CHILD, ...open.node.bootstrap];
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
  const [id] = (await once(child.stdout, "data")) as [Buffer];
  const carrier = createPunchedCarrier(open.node, open.acceptor);
  const socket = await carrier.dial(id.toString(), never);
  child.kill("SIGKILL");
  await once(child, "close");
  // The way to it is remembered, and the session not yet known to be dead. An error that nobody
  // catches would fail this test.
  await assert.rejects(carrier.dial(id.toString(), never), { name: "NetError" });
  socket.destroy();
});
