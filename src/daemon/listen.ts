import { readFileSync } from "node:fs";
import { codeOf } from "../base/error.ts";
import type { Net, PeerHandler, StreamHandler } from "../ports/net.ts";
import { replaceFile } from "./atomic-file.ts";
import { chooseFreePort } from "./choose-port.ts";
import { DaemonError } from "./error.ts";
import type { HomePaths } from "./home.ts";

/** The port for peers: what was asked for, else the configured one, else the one that the home
 * remembers, else a free one. A wanted 0 takes a new free one. */
export async function pickPort(
  paths: HomePaths,
  wanted: number | undefined,
  configured: number,
): Promise<number> {
  const known = wanted ?? (configured !== 0 ? configured : rememberedPort(paths));
  return known === undefined || known === 0 ? chooseFreePort() : known;
}

/** Serves peers on the port and remembers it.
 * @throws DaemonError PORT_TAKEN */
export async function serveOnPort(
  net: Net,
  handler: PeerHandler,
  streams: StreamHandler | undefined,
  port: number,
  paths: HomePaths,
): Promise<number> {
  try {
    const served = await net.listen(handler, streams);
    if (rememberedPort(paths) !== served.port) replaceFile(paths.port, `${served.port}\n`);
    return served.port;
  } catch (cause) {
    const code = codeOf(cause);
    if (code !== "EADDRINUSE" && code !== "EACCES") throw cause;
    const why = code === "EACCES" ? "needs more rights" : "is taken by another program";
    throw new DaemonError("PORT_TAKEN", `port ${port} ${why}`, {
      cause,
      hint: "`holdfast up --port 0` takes a free one and keeps it; other peers must learn it then",
    });
  }
}

function rememberedPort(paths: HomePaths): number | undefined {
  try {
    const port = Number(readFileSync(paths.port, "utf8"));
    return Number.isInteger(port) && port > 0 && port <= 65_535 ? port : undefined;
  } catch {
    return undefined;
  }
}
