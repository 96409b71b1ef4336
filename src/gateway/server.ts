import { once } from "node:events";
import { rmSync } from "node:fs";
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import type { HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";

/** A local API that is being served. */
export interface ApiServer {
  /** Takes no new connection, ends the idle ones, cuts the others. */
  close(): Promise<void>;
}

/** Serves the local API on a UNIX socket of mode 0600. A socket file that a killed daemon left is
 * replaced: the caller holds the home's lock.
 * @throws the operating system's error where it cannot listen */
export async function listenOnSocket(
  app: Hono<{ Bindings: HttpBindings }>,
  path: string,
): Promise<ApiServer> {
  rmSync(path, { force: true });
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    // A body that a failed request left unread is cut with its connection, never drained.
    autoCleanupIncoming: false,
    // A stored stream may take hours.
    serverOptions: { requestTimeout: 0 },
  }) as Server;
  // The socket is born with its mode: nobody else can connect in between.
  const before = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(before);
  }
  await once(server, "listening");
  return {
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
      rmSync(path, { force: true });
    },
  };
}
