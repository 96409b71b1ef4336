import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { setTimeout as timer } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { readDaemonFile } from "../daemon/daemon-file.ts";
import { DAEMON_ENGINE_OPTIONS, DAEMON_ENVIRONMENT } from "../daemon/engine-options.ts";
import { homePaths } from "../daemon/home.ts";
import { CliError, DaemonAnswerError } from "./error.ts";

/** A starting daemon has this long to say that it serves, or why not: after a crash it checks its
 * databases first. */
const START_MAX_MS = 120_000;
/** A stopping daemon lets its jobs end for 10 s, and cuts them. */
const STOP_MAX_MS = 30_000;
const POLL_MS = 20;
/** What a daemon says when it serves, or when `--init` is done. */
export interface Started {
  pid: number;
  peer: string;
  account: string;
  port: number;
  created: boolean;
}

/** The program of the daemon: beside this one, with the same extension (source or built). */
const DAEMON = fileURLToPath(
  new URL(`../daemon/main.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url),
);

/** Runs the daemon's program apart from this process, and waits until it serves.
 * @param options more arguments for it, as `--port 0`
 * @param environment replaces this process's
 * @throws DaemonAnswerError with the code of its failure | CliError DAEMON_NOT_STARTED */
export async function startDaemon(home: string, options: readonly string[] = []): Promise<Started> {
  const node = [...process.execArgv, ...DAEMON_ENGINE_OPTIONS];
  const child = spawn(process.execPath, [...node, DAEMON, "--home", home, ...options], {
    cwd: "/",
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "pipe"],
    env: { ...DAEMON_ENVIRONMENT, ...process.env, HOLDFAST_READY_FD: "3" },
  });
  // The pipe closes when the daemon serves, or when it ends.
  const pipe = child.stdio[3] as Readable;
  const said = textOf(pipe);
  const failed = once(child, "error").then(([error]) => {
    throw error;
  });
  const late = new AbortController();
  const deadline = timer(START_MAX_MS, "", { signal: late.signal }).catch(() => "");
  const text = await Promise.race([said, deadline, failed]).finally(() => {
    late.abort();
    pipe.destroy();
  });
  child.unref();
  return readStarted(home, child.pid ?? 0, text);
}

async function textOf(stream: Readable): Promise<string> {
  let text = "";
  for await (const part of stream) text += String(part);
  return text;
}

function readStarted(home: string, pid: number, text: string): Started {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new CliError("DAEMON_NOT_STARTED", `the daemon of ${home} did not start`, {
      hint: `see \`holdfast logs --home ${home}\``,
    });
  }
  const said = value as Partial<Started> & { code?: string; message?: string; hint?: string };
  if (said.code !== undefined) {
    throw new DaemonAnswerError(said.code, said.message ?? "the daemon did not start", {
      ...(said.hint === undefined ? {} : { hint: said.hint }),
    });
  }
  return { peer: "", account: "", port: 0, created: false, ...said, pid };
}

/** Starts the daemon unless another command is just doing so; then waits for that one. */
export async function startOrJoin(home: string): Promise<Started | undefined> {
  const paths = homePaths(home);
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    try {
      return await startDaemon(home);
    } catch (error) {
      const inUse = error instanceof DaemonAnswerError && error.code === "HOME_IN_USE";
      if (!inUse || waitedMs > STOP_MAX_MS) throw error;
    }
    // Either it is starting, then it will be ready, or stopping, then the home will be free.
    if (readDaemonFile(paths)?.ready === true) return undefined;
    await timer(POLL_MS);
  }
}

/** Waits until a daemon has left its home.
 * @returns whether it did in time */
export async function waitStopped(home: string, pid: number): Promise<boolean> {
  const paths = homePaths(home);
  for (let waitedMs = 0; waitedMs < STOP_MAX_MS; waitedMs += POLL_MS) {
    if (readDaemonFile(paths)?.pid !== pid || !isAlive(pid)) return true;
    await timer(POLL_MS);
  }
  return false;
}

/** Whether a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
