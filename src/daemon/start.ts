import type { Keyring } from "../account/keyring.ts";
import { createSteerableClock, systemClock } from "../adapters/clock.node.ts";
import type { SteerableClock } from "../adapters/clock.node.ts";
import type { Log } from "../ports/log.ts";
import { createApi } from "../gateway/api.ts";
import { createJobs } from "../gateway/jobs.ts";
import { listenOnSocket } from "../gateway/server.ts";
import { composePeer } from "./compose.ts";
import { loadConfig, type Config } from "./config.ts";
import { createControl } from "./control.ts";
import { openFileList } from "./file-list.ts";
import { socketAddress } from "./home.ts";
import type { HomePaths } from "./home.ts";
import { VERSION } from "./version.ts";

/** A stopping daemon lets its jobs end for so long before it cuts them. */
const DRAIN_MS = 10_000;

/** What a peer is started with; the home is locked, its keys are open. */
export interface StartParts {
  paths: HomePaths;
  keyring: Keyring;
  log: Log;
  startedAt: string;
  wantedPort: number | undefined;
}

/** A peer that serves. */
export interface RunningPeer {
  port: number;
  /** Resolves when it has stopped and everything is closed. */
  stopped: Promise<void>;
}

/** Starts everything: when it resolves, peers and the local API are served.
 * @throws the coded error of what could not be started; what was is closed again */
export async function startPeer(parts: StartParts): Promise<RunningPeer> {
  const { paths, log } = parts;
  const config = configOf(paths.config);
  const steerable = process.env["HOLDFAST_TEST_CLOCK"] === "1" ? createSteerableClock() : undefined;
  const clock = steerable ?? systemClock;
  const files = openFileList(config.file_list ?? paths.fileList);
  const peer = await composePeer({ ...parts, config, clock });
  const stopping = new AbortController();
  try {
    const jobs = createJobs();
    const steer: Pick<SteerableClock, "advance"> | undefined = steerable;
    const control = createControl({ ...parts, peer, stop: () => stopping.abort(), steer });
    const app = createApi({
      volume: peer.volume,
      control,
      reach: peer.reach,
      files,
      clock,
      jobs,
      log,
      version: VERSION,
    });
    const server = await listenOnSocket(app, socketAddress(paths));
    const stopped = stopRequested(stopping.signal, log).then(async () => {
      const cut = await jobs.drain(DRAIN_MS);
      if (cut > 0) log.write("warn", "daemon.cut", { jobs: cut });
      await server.close();
      await peer.close();
    });
    return { port: peer.port, stopped };
  } catch (error) {
    await peer.close();
    throw error;
  }
}

/** The configuration. Peers of tests neither look around in this machine's network nor ask its
 * router, whatever it says. */
function configOf(file: string): Config {
  const config = loadConfig(file);
  if (process.env["HOLDFAST_TEST_ALONE"] !== "1") return config;
  return { ...config, lan: false, router_ports: false };
}

/** Resolves at the first signal, or when it is asked for; a second signal ends the process at
 * once. */
function stopRequested(asked: AbortSignal, log: Log): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    const stop = (why: string): void => {
      log.write("info", "daemon.stopping", { why });
      resolve();
    };
    const onSignal = (name: string): void => {
      if (++signals > 1) process.exit(1);
      stop(name);
    };
    process.on("SIGTERM", () => onSignal("SIGTERM"));
    process.on("SIGINT", () => onSignal("SIGINT"));
    process.on("SIGHUP", () => onSignal("SIGHUP"));
    asked.addEventListener("abort", () => stop("asked"), { once: true });
  });
}
