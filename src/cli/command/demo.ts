import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { parseCode } from "../../daemon/quantity.ts";
import { doMainJob } from "../demo/main-job.ts";
import { readRecord } from "../demo/record.ts";
import { restartPeers, startSwarm, stopSwarm } from "../demo/swarm.ts";
import type { DemoSwarm } from "../demo/swarm.ts";
import { CliError } from "../error.ts";
import { counted, formatDuration } from "../format.ts";
import { openSession } from "../session.ts";
import type { Session } from "../session.ts";

const PEERS_MAX = 100;

interface DemoOptions {
  peers: string;
  dir?: string;
  detach?: true;
  code?: string;
}

/** `demo`: a whole swarm on this machine. */
export function configure(command: Command): void {
  command
    .option("--peers <count>", "how many holders beside the owner", "10")
    .option("--dir <dir>", "folder for the homes of all")
    .option("--detach", "only start the swarm, and leave it running")
    .option("--code <k/n>", "any k of n shards give the data back")
    .addHelpText("after", "\nExample:\n  holdfast demo --peers 10\n  holdfast demo stop")
    .action(async (options: DemoOptions) => {
      const session = openSession(command);
      const count = peersOf(options.peers);
      checkCode(options.code, count);
      if (options.detach === true)
        await detached(session, resolve(options.dir ?? defaultDir()), count, options.code);
      else await shown(session, options, count);
    });
  command
    .command("stop")
    .description("end the processes of a demo and remove its folder")
    .addHelpText("after", "\nExample:\n  holdfast demo stop --dir /tmp/swarm")
    .option("--dir <dir>", "the demo's folder")
    .action(async (_options: unknown, stop: Command) => {
      const session = openSession(stop);
      const dir = resolve(stop.optsWithGlobals<{ dir?: string }>().dir ?? defaultDir());
      const record = readRecord(dir);
      if (record === undefined) {
        throw new CliError("DEMO_UNKNOWN", `there is no demo in ${dir}`, {
          hint: "give its folder with --dir",
        });
      }
      const ended = await stopSwarm(dir, record);
      session.say(`ended ${counted(ended, "process", "processes")}\n`);
      session.result({ ended });
    });
}

async function detached(
  session: Session,
  dir: string,
  count: number,
  code: string | undefined,
): Promise<void> {
  const [swarm, startMs] = await started(dir, count, code, new AbortController().signal);
  session.say(
    `started an owner and ${count} holders in ${formatDuration(startMs)}\n${commandsOf(swarm)}`,
  );
  session.result(forPrograms(swarm));
}

async function shown(session: Session, options: DemoOptions, count: number): Promise<void> {
  const own = options.dir === undefined;
  const dir = own ? mkdtempSync(join(tmpdir(), "holdfast-demo-")) : resolve(options.dir ?? "");
  const interrupt = new AbortController();
  const onSignal = (): void => {
    interrupt.abort(new CliError("INTERRUPTED", "the demo was interrupted"));
  };
  for (const name of ["SIGINT", "SIGTERM"]) process.on(name, onSignal);
  try {
    session.say(
      `Holdfast demo: ${count} holders and an owner, each a process with its own disk and key\n\n`,
    );
    const [swarm, startMs] = await started(dir, count, options.code, interrupt.signal);
    session.say(`start ${count + 1} daemons in ${formatDuration(startMs)}\n`);
    const job = await Promise.race([
      doMainJob(swarm, options.code, session.say),
      rejectAborted(interrupt.signal),
    ]);
    const { killed, ...numbers } = job;
    session.result({ ...forPrograms(swarm), ...numbers, killed: killed.length, same: true });
    if (process.stdout.isTTY && process.stdin.isTTY && !session.json) {
      await restartPeers(swarm, killed);
      session.say(
        `\nThe killed holders run again. Try it (Ctrl-C ends the demo):\n${commandsOf(swarm)}`,
      );
      await untilAborted(interrupt.signal);
    }
  } finally {
    const record = readRecord(dir);
    if (record !== undefined) await stopSwarm(dir, record);
    if (own) rmSync(dir, { recursive: true, force: true });
    for (const name of ["SIGINT", "SIGTERM"]) process.off(name, onSignal);
  }
}

async function started(
  dir: string,
  count: number,
  code: string | undefined,
  signal: AbortSignal,
): Promise<[DemoSwarm, number]> {
  const fromMs = performance.now();
  const swarm = await startSwarm(dir, count, code, signal);
  return [swarm, performance.now() - fromMs];
}

function forPrograms(swarm: DemoSwarm): object {
  const peers = swarm.peers.map(({ id, pid, home, port }) => ({ id, pid, home, port }));
  return { home: swarm.owner.home, peers };
}

function commandsOf(swarm: DemoSwarm): string {
  const holdfast = programName();
  const owner = `  ${holdfast} --home ${swarm.owner.home}`;
  return [
    `${owner} status`,
    `${owner} put ~/some/folder /folder`,
    `${owner} ls -r /`,
    `  kill -9 ${swarm.peers
      .slice(-2)
      .map((peer) => peer.pid)
      .join(" ")}`,
    `${owner} get /folder ./folder-again`,
    `  ${holdfast} demo stop --dir ${swarm.dir}`,
    "",
  ].join("\n");
}

/** How this program is called: from a clone by its path, installed by its name. */
function programName(): string {
  if (!import.meta.url.endsWith(".ts")) return "holdfast";
  const path = relative(
    process.cwd(),
    fileURLToPath(new URL("../../../bin/holdfast", import.meta.url)),
  );
  return path.startsWith("..") ? resolve(path) : `./${path}`;
}

function untilAborted(signal: AbortSignal): Promise<void> {
  // The interval keeps the process alive: a listener alone does not.
  const alive = setInterval(() => {}, 60_000);
  return new Promise((resolvePromise) => {
    const end = (): void => {
      clearInterval(alive);
      resolvePromise();
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}

function rejectAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

function defaultDir(): string {
  return join(tmpdir(), `holdfast-demo-${userInfo().uid}`);
}

function peersOf(text: string): number {
  const count = Number(text);
  if (/^\d{1,3}$/.test(text) && count >= 1 && count <= PEERS_MAX) return count;
  throw new CliError("USAGE", `--peers ${text}: wanted a number from 1 to ${PEERS_MAX}`);
}

function checkCode(code: string | undefined, peers: number): void {
  const n = code === undefined ? 0 : parseCode(code)?.n;
  if (n !== undefined && n > peers) {
    throw new CliError("USAGE", `code ${code} wants ${n} holders, and there are ${peers}`, {
      hint: `give --peers ${n}, or another --code`,
    });
  }
  if (n !== undefined) return;
  throw new CliError("USAGE", `code ${code}: wanted k/n with 1 ≤ k ≤ n ≤ 255`, {
    hint: "for example --code 5/10",
  });
}
