/** A tracker in a process of its own, agents that are connected to it over real sessions, and
 * look-ups at a steady rate: `npm run bench -- tracker [--agents 1000] [--rate 1000]
 * [--seconds 20]`. Latency counts from the moment at which a look-up was due, so that a generator
 * which falls behind shows. */
import { fork, type ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { setTimeout as timer } from "node:timers/promises";
import { systemClock } from "../src/adapters/clock.node.ts";
import { openTlsNet } from "../src/adapters/tls/net.ts";
import { idOf, type PeerId, type ShardId } from "../src/base/id.ts";
import { TRACKER_AGENTS_MAX } from "../src/base/limits.ts";
import { signingKeyOf, type SigningKey } from "../src/crypto/sign.node.ts";
import { signCertificate } from "../src/object/certificate.ts";
import type { Net } from "../src/ports/net.ts";
import { fixedSwarmKeys } from "../src/ports/swarm-keys.ts";
import { signCard } from "../src/swarm/card-book.ts";
import { createMemoryDirectory } from "../src/swarm/peer-list.ts";
import { createTrackerDirectory, type TrackerDirectory } from "../src/swarm/tracker/directory.ts";
import { runAgent, type RunningAgent } from "../src/swarm/tracker/run-agent.ts";
import { openTracker } from "../src/swarm/tracker/tracker.ts";
import { cpuSeconds, peakRssMib } from "./process.ts";
import { rounded } from "./report.ts";

const SHARDS_PER_AGENT = 1_000;
const CLIENTS = 16;
/** Handshakes of agents at once. */
const CONNECTING_MAX = 32;
const TICK_MS = 5;
const TRACKER_KEY = keyNamed("tracker");
const TRACKER = idOf(TRACKER_KEY.publicKey);
const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) };
const log = { write: () => undefined };
const swarmKeys = fixedSwarmKeys(new Uint8Array(32).fill(7));
const never = new AbortController().signal;

function keyNamed(name: string): SigningKey {
  return signingKeyOf(new Uint8Array(createHash("sha256").update(name).digest()));
}

function shardOf(agent: number, shard: number): ShardId {
  return idOf(createHash("sha256").update(`${agent} ${shard}`).digest());
}

function netOf(key: SigningKey, port: number): Net {
  const card = { id: TRACKER, addresses: [`127.0.0.1:${port}`], offeredBytes: 0 };
  const directory = createMemoryDirectory(port === 0 ? [] : [card]);
  // All come from one address here, and agents are sessions too.
  const bounds = { acceptedMax: TRACKER_AGENTS_MAX + 512, halfOpenPerAddressMax: 512 };
  const host = "127.0.0.1";
  return openTlsNet({ key, swarmKeys, directory, clock: systemClock, random, log, host, bounds });
}

/** The tracker's process. */
async function serve(): Promise<void> {
  const tracker = openTracker({ self: TRACKER, clock: systemClock, random, log });
  const { port } = await netOf(TRACKER_KEY, 0).listen(tracker.handle, tracker.streams);
  process.on("message", () => process.send?.(tracker.stats().ready));
  process.once("disconnect", () => process.exit(0));
  process.send?.(port);
}

async function ask(child: ChildProcess): Promise<number> {
  child.send("ready?");
  const [ready] = (await once(child, "message")) as [number];
  return ready;
}

function startAgent(index: number, port: number): { agent: RunningAgent; net: Net } {
  const key = keyNamed(`agent ${index}`);
  const self = idOf(key.publicKey);
  const address = `198.51.${index >> 8}.${index & 255}:4242`;
  const body = { id: self, addresses: [address], offeredBytes: 1, protocol: 1 } as const;
  const card = signCard(key, { ...body, timeMs: Date.now() });
  const ids = Array.from({ length: SHARDS_PER_AGENT }, (_, shard) => shardOf(index, shard));
  const held = new Set(ids);
  const inventory = {
    holds: (id: ShardId) => held.has(id),
    heldShards: () => held.size,
    page: (after: number, limit: number) => ({
      ids: ids.slice(after, after + limit),
      last: Math.min(ids.length, after + limit),
    }),
  };
  const introduce = () => Promise.resolve({ code: "SPACE_FULL" });
  const speaker = { card: () => card, freeBytes: () => 1e9, inventory, introduce };
  const trackers = (): PeerId[] => [TRACKER];
  const net = netOf(key, port);
  const options = { net, self, trackers, agent: speaker, clock: systemClock, random, log };
  return { agent: runAgent(options), net };
}

function startClient(index: number, port: number): { client: TrackerDirectory; net: Net } {
  const key = keyNamed(`client ${index}`);
  const root = keyNamed("root");
  const [self, account] = [idOf(key.publicKey), idOf(root.publicKey)];
  const about = { account, peer: self, agreementKey: new Uint8Array(32), name: "x", number: 1 };
  const certificate = signCertificate(root, about);
  const net = netOf(key, port);
  const trackers = (): PeerId[] => [TRACKER];
  const options = { net, clock: systemClock, trackers, self, account, certificate };
  return { client: createTrackerDirectory(options), net };
}

/** Looks up at a steady rate. */
async function load(
  clients: readonly TrackerDirectory[],
  agents: number,
  rate: number,
  seconds: number,
): Promise<{ latenciesMs: number[]; wrong: number; seconds: number }> {
  const latenciesMs: number[] = [];
  const running: Promise<void>[] = [];
  let wrong = 0;
  const startMs = performance.now();
  const lookUp = async (number: number): Promise<void> => {
    const dueMs = startMs + (number * 1_000) / rate;
    const agent = (number * 7919) % agents;
    const id = shardOf(agent, number % SHARDS_PER_AGENT);
    const found = await clients[number % clients.length]?.whoHas(id, never);
    latenciesMs.push(performance.now() - dueMs);
    const address = found?.[0]?.address?.host;
    if (address !== `198.51.${agent >> 8}.${agent & 255}`) wrong++;
  };
  for (let number = 0; number < rate * seconds;) {
    const due = Math.min(rate * seconds, ((performance.now() - startMs) * rate) / 1_000);
    for (; number < due; number++) running.push(lookUp(number));
    await timer(TICK_MS);
  }
  await Promise.all(running);
  return { latenciesMs, wrong, seconds: (performance.now() - startMs) / 1_000 };
}

/** Measures a tracker under load.
 * @returns one line of results */
export async function benchTracker(
  agents: number,
  rate: number,
  seconds: number,
): Promise<Record<string, unknown>> {
  const child = fork(import.meta.filename, ["--serve"]);
  const pid = child.pid ?? 0;
  const closing: (() => Promise<void>)[] = [];
  try {
    const [port] = (await once(child, "message")) as [number];
    const idleMib = peakRssMib(pid);
    const connectingMs = performance.now();
    for (let count = 0; count < agents; count++) {
      const { agent, net } = startAgent(count, port);
      closing.push(async () => {
        await agent.close();
        await net.close();
      });
      while (count - (await ask(child)) >= CONNECTING_MAX) await timer(TICK_MS);
    }
    while ((await ask(child)) < agents) await timer(TICK_MS);
    const connectSeconds = (performance.now() - connectingMs) / 1_000;
    const some = Array.from({ length: CLIENTS }, (_, index) => startClient(index, port));
    for (const { net } of some) closing.push(() => net.close());
    const clients = some.map(({ client }) => client);
    // Filters are there a moment after their agents, and sessions are opened by first use.
    await load(clients, agents, 100, 3);
    const [cpuBefore, ownBefore] = [cpuSeconds(pid), process.cpuUsage()];
    const { latenciesMs, wrong, seconds: took } = await load(clients, agents, rate, seconds);
    const own = process.cpuUsage(ownBefore);
    latenciesMs.sort((a, b) => a - b);
    const at = (share: number): number =>
      rounded(latenciesMs[Math.floor(share * (latenciesMs.length - 1))] ?? Number.NaN);
    return {
      bench: "tracker",
      agents,
      shardsPerAgent: SHARDS_PER_AGENT,
      connectSeconds: rounded(connectSeconds),
      lookUps: latenciesMs.length,
      perSecond: Math.round(latenciesMs.length / took),
      wrong,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      worstMs: at(1),
      trackerCpuShare: rounded((cpuSeconds(pid) - cpuBefore) / took),
      trackerPeakMiB: Math.round(peakRssMib(pid)),
      trackerIdleMiB: Math.round(idleMib),
      agentsCpuShare: rounded((own.user + own.system) / 1e6 / took),
    };
  } finally {
    child.disconnect();
    await Promise.all(closing.map((close) => close()));
  }
}

if (process.argv[2] === "--serve") await serve();
