import { randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { HolderUsage } from "../../shards/holder.ts";
import type { GetSummary, PutSummary, VolumeStatus } from "../../volume/service.ts";
import { CliError } from "../error.ts";
import { counted, formatBytes, formatDuration, formatTable } from "../format.ts";
import { sessionOf } from "../session.ts";
import { findDifference } from "./compare-trees.ts";
import type { DemoPeer } from "./record.ts";
import { INPUT, OUTPUT } from "./swarm.ts";
import type { DemoSwarm } from "./swarm.ts";

const RANDOM_BYTES = 64 * 1024 * 1024;
const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));

/** What the main job has measured. */
export interface MainJob {
  files: number;
  bytes: number;
  k: number;
  n: number;
  putMs: number;
  getMs: number;
  killed: DemoPeer[];
}

/** Does what Holdfast is for, and says it: stores a real tree in the swarm, kills n−k holders with
 * -9, has the tree back and compares it.
 * @throws CliError DEMO_DIFFERS, and what put and get throw */
export async function doMainJob(
  swarm: DemoSwarm,
  code: string | undefined,
  say: (text: string) => void,
): Promise<MainJob> {
  const input = join(swarm.dir, INPUT);
  const output = join(swarm.dir, OUTPUT);
  makeTree(input);
  const owner = sessionOf(swarm.owner.home, true);
  const [put, putMs] = await timed(() =>
    owner.run<PutSummary>("/v1/put", { source: input, target: "/demo", code }),
  );
  const { k, n } = put;
  say(
    `put   ${counted(put.files, "file")}, ${formatBytes(put.bytes)} in ${formatDuration(putMs)}, ` +
      `${rate(put.bytes, putMs)}: encrypted, cut, spread; any ${k} of ${n} shards give it back\n`,
  );
  const status = await owner.askRunning<VolumeStatus>("GET", "/v1/status");
  say(`safe  ${status.safe ? "yes" : `no: ${status.reasons.join("; ")}`}\n\n`);
  say(`${await placement(swarm.peers)}\n`);
  const killed = swarm.peers.slice(0, Math.max(0, n - k));
  for (const peer of killed) process.kill(peer.pid, "SIGKILL");
  const names = killed.map((peer) => peer.name).join(", ");
  const whom = killed.length === 0 ? "" : `: ${names}`;
  say(`kill  -9 ${killed.length} of ${counted(swarm.peers.length, "holder")}${whom}\n`);
  const [, getMs] = await timed(() =>
    owner.run<GetSummary>("/v1/get", { source: "/demo", target: output, peersOnly: true }),
  );
  say(
    `get   ${formatBytes(put.bytes)} in ${formatDuration(getMs)}, ${rate(put.bytes, getMs)}, from peers only\n`,
  );
  const difference = findDifference(input, output);
  if (difference !== undefined)
    throw new CliError("DEMO_DIFFERS", `not the same tree: ${difference}`);
  say("same  every byte, mode, time and link compared\n");
  return { files: put.files, bytes: put.bytes, k, n, putMs, getMs, killed };
}

/** This program's own docs and sources, and a big file that nothing can compress. */
function makeTree(dir: string): void {
  mkdirSync(join(dir, "empty folder"), { recursive: true });
  for (const name of ["docs", "src", "dist", "README.md", "LICENSE"]) {
    const from = join(PROJECT, name);
    if (existsSync(from))
      cpSync(from, join(dir, name), { recursive: true, preserveTimestamps: true });
  }
  for (let at = 0; at < RANDOM_BYTES; at += 8 * 1024 * 1024) {
    writeFileSync(join(dir, "random.bin"), randomBytes(8 * 1024 * 1024), { flag: "a" });
  }
  symlinkSync("random.bin", join(dir, "link to random"));
}

async function placement(peers: readonly DemoPeer[]): Promise<string> {
  const rows = await Promise.all(
    peers.map(async (peer) => {
      const session = sessionOf(peer.home, true);
      const { holder } = await session.askRunning<{ holder: HolderUsage }>("GET", "/v1/status");
      const kept = [counted(holder.shards, "shard"), formatBytes(holder.bytes)];
      return [`      ${peer.name}`, peer.id.slice(0, 12), ...kept, `pid ${peer.pid}`];
    }),
  );
  return formatTable(rows, [2, 3]);
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const startedMs = performance.now();
  const result = await work();
  return [result, performance.now() - startedMs];
}

function rate(bytes: number, durationMs: number): string {
  return `${formatBytes((bytes * 1000) / Math.max(1, durationMs))}/s`;
}
