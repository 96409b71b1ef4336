import { mkdirSync } from "node:fs";
import { systemClock } from "../../src/adapters/clock.node.ts";
import { homePaths, socketAddress } from "../../src/daemon/home.ts";
import { createApi } from "../../src/gateway/api.ts";
import type { Control } from "../../src/gateway/control.ts";
import { createJobs } from "../../src/gateway/jobs.ts";
import { createMemoryReach } from "../../src/gateway/reach-memory.ts";
import type { MemoryReachState } from "../../src/gateway/reach-memory.ts";
import { listenOnSocket } from "../../src/gateway/server.ts";
import type { ApiServer } from "../../src/gateway/server.ts";
import { DaemonAnswerError } from "../../src/cli/error.ts";

/** Serves the real local API at a home's socket, over an in-memory twin of the swarm: commands take
 * it for the home's daemon. */
export async function serveTwin(home: string, state: MemoryReachState): Promise<ApiServer> {
  const paths = homePaths(home);
  mkdirSync(home, { recursive: true });
  const app = createApi({
    volume: noVolume,
    control: controlOf(home),
    reach: createMemoryReach(state),
    files: {
      entries: () => [],
      find: () => undefined,
      set: () => {},
      remove: () => {},
      move: () => {},
    },
    clock: systemClock,
    jobs: createJobs(),
    log: { write: () => {} },
    version: "0.0.0",
  });
  return listenOnSocket(app, socketAddress(paths));
}

function controlOf(home: string): Control {
  const startedAt = "2026-11-21T00:00:00Z";
  const about = { version: "0.0.0", pid: 1, home, peer: "", account: "", port: 1, startedAt };
  return {
    about: () => about,
    usage: () => ({ shards: 0, bytes: 0, spaceBytes: 0, accounts: 0, orphans: 0, aside: 0 }),
    scrub: async () => ({ shards: 0, bytes: 0, corrupt: [] }),
    addPeers: () => {},
    configGet: () => ({}),
    configSet: () => {},
    stop: () => {},
  };
}

const nothing = async (): Promise<never> => {
  throw new DaemonAnswerError("PATH_MISSING", "this twin stores nothing");
};
const noVolume = {
  put: nothing,
  get: nothing,
  list: nothing,
  remove: nothing,
  move: nothing,
  history: nothing,
  findContent: nothing,
  read: () => {
    throw new DaemonAnswerError("PATH_MISSING", "this twin stores nothing");
  },
  status: () => ({
    safe: false,
    reasons: [],
    redundancy: { k: 0, n: 0, r: 0 },
    peers: { known: 0, usable: 0 },
    snapshot: 0,
    packs: { full: 0, partial: 0, local: 0 },
    packBytes: 0,
  }),
  close: async () => {},
};
