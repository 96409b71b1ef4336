import { once } from "node:events";
import { createServer } from "node:net";
import { codeOf } from "../base/error.ts";

/** Below the ports that systems hand out to outgoing connections: one of those could be in use by
 * chance when the daemon comes back to its remembered port. */
const FIRST_PORT = 10_240;
const PORTS = 22_000;
const ATTEMPTS = 32;

/** A TCP port that is free now, picked at random, so that peers of one machine do not meet. */
export async function chooseFreePort(random: () => number = Math.random): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = FIRST_PORT + Math.floor(random() * PORTS);
    if (await isFree(port)) return port;
  }
  return 0;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port);
  try {
    await once(server, "listening");
  } catch (error) {
    if (codeOf(error) === "EADDRINUSE" || codeOf(error) === "EACCES") return false;
    throw error;
  }
  server.close();
  await once(server, "close");
  return true;
}
