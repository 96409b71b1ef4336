// A swarm of real daemons for the end-to-end tests, driven through `bin/holdfast` as a user would.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as timer } from "node:timers/promises";
import type { Readable } from "node:stream";

const ROOT = dirname(dirname(import.meta.dirname));
const HOLDFAST = join(ROOT, "bin", "holdfast");
const POLL_MS = 25;

/** How a command ended, and what it said. */
export interface Ran {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A command that runs. */
export interface Running {
  pid: number;
  /** Resolves when it has ended. */
  ended: Promise<Ran>;
  interrupt(): void;
}

/** A peer of a test's swarm: its home, and what the program said of it at its first start. */
export interface TestPeer {
  id: string;
  home: string;
  port: number;
}

interface StartOptions {
  input?: Readable | string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  /** A program with its first arguments that starts it, as one that enters a network namespace. */
  through?: readonly string[];
}

/** Starts one command line of Holdfast. */
export function startHoldfast(args: readonly string[], options: StartOptions = {}): Running {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    HOLDFAST_TEST_ALONE: "1",
    ...options.env,
  };
  delete env["HOLDFAST_HOME"];
  delete env["NODE_TEST_CONTEXT"];
  const [program = HOLDFAST, ...rest] = [...(options.through ?? []), HOLDFAST, ...args];
  const child = spawn(program, rest, {
    env,
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  const { stdin, stdout, stderr } = child;
  if (stdin !== null) {
    stdin.on("error", () => undefined);
    if (typeof options.input === "string") stdin.end(options.input);
    else options.input?.pipe(stdin);
  }
  const said = { stdout: "", stderr: "" };
  stdout?.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
  stderr?.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
  const ended = once(child, "close").then(([status, signal]) => ({
    status: status as number | null,
    signal: signal as NodeJS.Signals | null,
    ...said,
  }));
  return { pid: child.pid ?? 0, ended, interrupt: () => void child.kill("SIGINT") };
}

/** Runs one command line to its end. */
export function holdfast(args: readonly string[], options: StartOptions = {}): Promise<Ran> {
  return startHoldfast(args, options).ended;
}

/** Runs one command line with `--json`, and gives its result.
 * @throws Error with what it said, where it failed */
export async function holdfastJson<Result>(
  args: readonly string[],
  options: StartOptions = {},
): Promise<Result> {
  const ran = await holdfast([...args, "--json"], options);
  if (ran.status !== 0) {
    throw new Error(`holdfast ${args.join(" ")}: status ${ran.status}\n${ran.stdout}${ran.stderr}`);
  }
  return JSON.parse(ran.stdout) as Result;
}

/** Whether a process of ours runs: it has not ended, and it is a daemon of that home. */
function runsFor(pid: number, home: string): boolean {
  try {
    const state = /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return state !== "Z" && words.includes(home);
  } catch {
    return false;
  }
}

/** The pid of the daemon that serves a home, or undefined. */
export function daemonPid(home: string): number | undefined {
  try {
    const { pid } = JSON.parse(readFileSync(join(home, "daemon.json"), "utf8")) as { pid: number };
    return runsFor(pid, home) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Ends the daemon of a home with -9, and waits until it is gone. */
export async function killDaemon(home: string): Promise<boolean> {
  const pid = daemonPid(home);
  if (pid === undefined) return false;
  process.kill(pid, "SIGKILL");
  await until(`the daemon of ${home} is gone`, () => !runsFor(pid, home));
  return true;
}

/** Waits until something holds.
 * @throws Error when it still does not after `limitMs` */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${limitMs} ms in vain until ${what}`);
    await timer(POLL_MS);
  }
}

/** A folder for one test file, outside of any home; removed by `stop`. */
export function makeFolder(name: string): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `holdfast-e2e-${name}-`)));
  folders.add(folder);
  return folder;
}

/** Processes that were given a path below a folder: daemons, and commands that start some. */
function pidsBelow(folder: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`${folder}/`);
      } catch {
        return false;
      }
    });
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Folders that no `stop` has removed yet. */
const folders = new Set<string>();
// A run that is cut, or in which starting failed, leaves no daemons behind either.
process.once("exit", () => {
  for (const folder of folders) {
    // Again, for those that the ones just ended had been starting.
    for (let pids = pidsBelow(folder); pids.length > 0; pids = pidsBelow(folder)) {
      for (const pid of pids) killIfThere(pid);
    }
    rmSync(folder, { recursive: true, force: true });
  }
});
// Without a handler a signal would end the process before that.
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(1));

/** `sizeBytes` that nothing compresses, written to a file. */
export function writeRandom(path: string, sizeBytes: number): void {
  const block = 8 * 2 ** 20;
  writeFileSync(path, "");
  for (let at = 0; at < sizeBytes; at += block) {
    writeFileSync(path, randomBytes(Math.min(block, sizeBytes - at)), { flag: "a" });
  }
}

/** A swarm whose processes and folder are this test's alone. */
export class TestSwarm {
  readonly folder: string;
  readonly owner: TestPeer;
  readonly peers: TestPeer[];

  private constructor(folder: string, owner: TestPeer, peers: TestPeer[]) {
    this.folder = folder;
    this.owner = owner;
    this.peers = peers;
  }

  /** An owner and `count` holders, by `holdfast demo`. */
  static async demo(name: string, count: number, env: NodeJS.ProcessEnv = {}): Promise<TestSwarm> {
    const folder = makeFolder(name);
    const dir = join(folder, "swarm");
    const args = ["demo", "--peers", String(count), "--dir", dir, "--detach"];
    const { home, peers } = await holdfastJson<{ home: string; peers: TestPeer[] }>(args, { env });
    const about = await holdfastJson<{ peer: string; port: number }>(["--home", home, "status"]);
    return new TestSwarm(folder, { id: about.peer, home, port: about.port }, peers);
  }

  /** An owner who knows nobody yet. */
  static async alone(name: string): Promise<TestSwarm> {
    const folder = makeFolder(name);
    mkdirSync(join(folder, "swarm"));
    const home = join(folder, "swarm", "home");
    await holdfastJson(["--home", home, "init"]);
    return new TestSwarm(folder, await startPeer(home), []);
  }

  /** The owner runs a command. */
  run(...args: string[]): Promise<Ran> {
    return holdfast(["--home", this.owner.home, ...args]);
  }

  /** The owner runs a command that must succeed, and gives its result. */
  ask<Result>(...args: string[]): Promise<Result> {
    return holdfastJson<Result>(["--home", this.owner.home, ...args]);
  }

  /** A command for another home, that must succeed. */
  runAt<Result>(home: string, ...args: string[]): Promise<Result> {
    return holdfastJson<Result>(["--home", home, ...args]);
  }

  /** Makes one more holder, starts it, and makes it and the owner known to each other.
   * @param config the keys of its configuration */
  async addHolder(config: Record<string, string> = {}): Promise<TestPeer> {
    const home = join(this.folder, "swarm", `added-${this.peers.length + 1}`);
    const key = join(this.owner.home, "keys", "swarm.key");
    await holdfastJson(["--home", home, "init", "--swarm-key", key]);
    for (const [name, value] of Object.entries(config)) {
      await holdfastJson(["--home", home, "config", "set", name, value]);
    }
    const peer = await startPeer(home);
    this.peers.push(peer);
    await introduce(this.owner, peer);
    await introduce(peer, this.owner);
    return peer;
  }

  /** The free folder beside the homes. */
  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** Ends everything, however it was started, and removes it. */
  async stop(): Promise<void> {
    for (const { home } of [this.owner, ...this.peers]) await killDaemon(home);
    rmSync(this.folder, { recursive: true, force: true });
    folders.delete(this.folder);
  }
}

/** Starts the daemon of a home that exists. */
export async function startPeer(home: string, env: NodeJS.ProcessEnv = {}): Promise<TestPeer> {
  const up = await holdfastJson<{ peer: string; port: number }>(["--home", home, "up"], { env });
  return { id: up.peer, home, port: up.port };
}

/** Tells `peer` where `other` is. */
export async function introduce(peer: TestPeer, other: TestPeer): Promise<void> {
  const address = `${other.id}@127.0.0.1:${other.port}`;
  await holdfastJson(["--home", peer.home, "peers", "add", address]);
}
