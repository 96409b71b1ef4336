import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as timer } from "node:timers/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readDaemonFile } from "../daemon/daemon-file.ts";
import { homePaths } from "../daemon/home.ts";
import { startOf } from "./demo/process-identity.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

/** What a command has left behind. */
export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
  bytes: Buffer;
}

/** A folder with homes below it, for tests with real commands and daemons. */
export interface TestHomes {
  folder: string;
  /** Runs a command on the home `name` and waits for its end. */
  run(name: string, args: readonly string[], options?: RunOptions): Promise<Outcome>;
  home(name: string): string;
  /** Stops every daemon that runs on one of the homes, and removes the folder. */
  clean(): Promise<void>;
}

/** More for one run. */
export interface RunOptions {
  input?: Uint8Array;
  environment?: Readonly<Record<string, string>>;
}

/** Makes an empty folder for homes. */
export function makeTestHomes(): TestHomes {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-test-"));
  const homes = new Set<string>();
  const home = (name: string): string => {
    const path = join(folder, name);
    homes.add(path);
    return path;
  };
  return {
    folder,
    home,
    run: (name, args, options) => runCli(["--home", home(name), ...args], options),
    async clean() {
      for (const path of homes) await killDaemon(path);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Starts the command line program with pipes to it. */
export function startCli(
  args: readonly string[],
  options: RunOptions = {},
): ChildProcessWithoutNullStreams {
  const env = { ...process.env, HOLDFAST_TEST_ALONE: "1", ...options.environment };
  return spawn(process.execPath, [MAIN, ...args], { stdio: "pipe", env });
}

/** Runs the command line program and waits for its end. */
export async function runCli(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = startCli(args, options);
  child.stdin.on("error", () => {});
  child.stdin.end(options.input);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (part: Buffer) => out.push(part));
  child.stderr.on("data", (part: Buffer) => err.push(part));
  const [status] = (await once(child, "close")) as [number | null];
  const bytes = Buffer.concat(out);
  return { status, stdout: bytes.toString(), stderr: Buffer.concat(err).toString(), bytes };
}

/** Ends the daemon of a home with -9, if one runs, and waits until it is gone.
 * @returns its pid */
export async function killDaemon(home: string): Promise<number | undefined> {
  const pid = readDaemonFile(homePaths(home))?.pid;
  if (pid === undefined || startOf(pid) === undefined) return undefined;
  process.kill(pid, "SIGKILL");
  while (startOf(pid) !== undefined) await timer(5);
  return pid;
}
