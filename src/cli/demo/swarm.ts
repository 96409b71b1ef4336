import { existsSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as timer } from "node:timers/promises";
import type { KnownPeer } from "../../gateway/control.ts";
import type { Invited } from "../../gateway/reach.ts";
import { mapBounded } from "../../base/concurrency.ts";
import { makeFolder } from "../../daemon/home.ts";
import { startDaemon, waitStopped } from "../daemon-process.ts";
import { CliError } from "../error.ts";
import { sessionOf } from "../session.ts";
import { startOf } from "./process-identity.ts";
import { readRecord, recordFile, writeRecord } from "./record.ts";
import type { DemoPeer, DemoRecord } from "./record.ts";

/** Daemons that start at once: a start is CPU work of a fraction of a second. */
const STARTS_AT_ONCE = 4;
const SEEN_MAX_MS = 30_000;
const STOP_MAX_MS = 20_000;
const POLL_MS = 50;
/** The demo's peers use their invitation at once. */
const INVITATION_MS = 10 * 60_000;
/** What a demo puts into its folder beside the homes. */
export const INPUT = "input";
export const OUTPUT = "output";

/** A demo that runs. */
export interface DemoSwarm {
  dir: string;
  owner: DemoPeer;
  peers: DemoPeer[];
}

/** Starts an owner and `count` holders below `dir`, each its own process, home and key, in one
 * swarm, the owner with a fixed code where one is given; resolves when the owner reaches all of
 * them.
 * @throws CliError DEMO_RUNNING, or why a daemon did not start; nothing runs then */
export async function startSwarm(
  dir: string,
  count: number,
  code: string | undefined,
  signal: AbortSignal,
): Promise<DemoSwarm> {
  const record = claim(dir);
  try {
    const owner = await startPeer(dir, "home", [], code);
    record.owner = owner;
    writeRecord(dir, record);
    const wish = { uses: Math.max(1, count), lifetimeMs: INVITATION_MS };
    const { invitation } = await sessionOf(owner.home, true).askRunning<Invited>(
      "POST",
      "/v1/invite",
      wish,
    );
    const names = Array.from(
      { length: count },
      (_, index) => `peer-${String(index + 1).padStart(2, "0")}`,
    );
    await mapBounded(names, STARTS_AT_ONCE, async (name) => {
      signal.throwIfAborted();
      const peer = await startPeer(dir, name, []);
      await sessionOf(peer.home, true).askRunning("POST", "/v1/join", { invitation });
      record.peers.push(peer);
      record.peers.sort((a, b) => (a.name < b.name ? -1 : 1));
      writeRecord(dir, record);
    });
    const swarm = { dir, owner, peers: record.peers };
    await introduce(swarm);
    await waitUntilSeen(swarm, signal);
    return swarm;
  } catch (error) {
    await stopSwarm(dir, record);
    throw error;
  }
}

/** Starts holders again that were killed, on their homes, and notes their new pids. */
export async function restartPeers(swarm: DemoSwarm, killed: readonly DemoPeer[]): Promise<void> {
  const record = readRecord(swarm.dir);
  if (record === undefined) return;
  await mapBounded(killed, STARTS_AT_ONCE, async ({ name }) => {
    const peer = await startPeer(swarm.dir, name, []);
    record.peers = record.peers.map((each) => (each.name === name ? peer : each));
    writeRecord(swarm.dir, record);
  });
}

/** Ends the processes of a record, and no other: a pid counts only while its start time is the
 * same. A daemon that a command has started again since serves a home of the demo, and is asked
 * to stop. Then removes what the demo has made.
 * @returns how many processes there were to end */
export async function stopSwarm(dir: string, record: DemoRecord): Promise<number> {
  const all = [record.owner, ...record.peers].filter((peer) => peer !== undefined);
  const running = (): DemoPeer[] => all.filter((peer) => startOf(peer.pid) === peer.start);
  const count = running().length;
  for (const peer of running()) process.kill(peer.pid, "SIGTERM");
  for (let waitedMs = 0; running().length > 0 && waitedMs < STOP_MAX_MS; waitedMs += POLL_MS) {
    await timer(POLL_MS);
  }
  for (const peer of running()) process.kill(peer.pid, "SIGKILL");
  const later = await mapBounded(all, STARTS_AT_ONCE, ({ home }) => stopServing(home));
  for (const peer of all) rmSync(peer.home, { recursive: true, force: true });
  for (const name of [INPUT, OUTPUT]) rmSync(join(dir, name), { recursive: true, force: true });
  rmSync(recordFile(dir), { force: true });
  if (record.made) removeIfEmpty(dir);
  return count + later.filter(Boolean).length;
}

/** Stops the daemon of a home, whichever process it is.
 * @returns whether there was one */
async function stopServing(home: string): Promise<boolean> {
  try {
    const { pid } = await sessionOf(home, true).askRunning<{ pid: number }>("POST", "/v1/down");
    return await waitStopped(home, pid);
  } catch {
    return false;
  }
}

function removeIfEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {
    // Something of the user's lies in it: it stays.
  }
}

function claim(dir: string): DemoRecord {
  if (readRecord(dir) !== undefined) {
    throw new CliError("DEMO_RUNNING", `there is a demo in ${dir} already`, {
      hint: `\`holdfast demo stop --dir ${dir}\` ends it`,
    });
  }
  for (const name of ["home", "peer-01", INPUT, OUTPUT]) {
    if (!existsSync(join(dir, name))) continue;
    throw new CliError("DEMO_RUNNING", `${join(dir, name)} exists, and it is not a demo's`, {
      hint: "give an empty folder with --dir, or one that does not exist yet",
    });
  }
  const made = makeFolder(dir, 0o755);
  const record: DemoRecord = { version: 1, made, owner: undefined, peers: [] };
  writeRecord(dir, record);
  return record;
}

/** A home's configuration, as its user would write it. Peers of one machine know each other, and a
 * demo opens nobody's router. */
function configure(home: string, code: string | undefined): void {
  if (existsSync(join(home, "config.toml"))) return;
  makeFolder(home);
  const fixed = code === undefined ? "" : `code = "${code}"\n`;
  const text = `${fixed}lan = false\nrouter_ports = false\n`;
  writeFileSync(join(home, "config.toml"), text, { mode: 0o600 });
}

async function startPeer(
  dir: string,
  name: string,
  options: string[],
  code?: string,
): Promise<DemoPeer> {
  const home = join(dir, name);
  configure(home, code);
  const { pid, peer, port } = await startDaemon(home, ["--name", name, ...options]);
  return { name, id: peer, pid, home, port, start: startOf(pid) ?? "" };
}

/** Tells every peer where all the others are. */
async function introduce({ owner, peers }: DemoSwarm): Promise<void> {
  const all = [owner, ...peers];
  const cards = await Promise.all(
    all.map(async (peer) => {
      const session = sessionOf(peer.home, true);
      const status = await session.askRunning<{ holder: { spaceBytes: number } }>(
        "GET",
        "/v1/status",
      );
      const { spaceBytes } = status.holder;
      return { id: peer.id, addresses: [`127.0.0.1:${peer.port}`], offeredBytes: spaceBytes };
    }),
  );
  await mapBounded(all, STARTS_AT_ONCE, async (peer) => {
    const others = cards.filter((card) => card.id !== peer.id);
    await sessionOf(peer.home, true).askRunning("POST", "/v1/peers", { peers: others });
  });
}

async function waitUntilSeen({ owner, peers }: DemoSwarm, signal: AbortSignal): Promise<void> {
  const session = sessionOf(owner.home, true);
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    signal.throwIfAborted();
    const input = { probe: true };
    const answer = await session.askRunning<{ peers: KnownPeer[] }>("GET", "/v1/peers", input);
    const there = answer.peers.filter((peer) => peer.reachable === true).length;
    if (there >= peers.length) return;
    if (waitedMs > SEEN_MAX_MS) {
      throw new CliError(
        "DAEMON_NOT_STARTED",
        `the owner reaches ${there} of ${peers.length} peers`,
        {
          hint: `see \`holdfast logs --home ${owner.home}\``,
        },
      );
    }
    await timer(POLL_MS);
  }
}
