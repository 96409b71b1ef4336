import { closeSync, rmSync, writeFileSync } from "node:fs";
import { openFileLog } from "../adapters/log.node.ts";
import { makeFolder } from "../adapters/make-folder.node.ts";
import type { FileLog } from "../adapters/log.node.ts";
import { HoldfastError, codeOf, messageOf } from "../base/error.ts";
import { GatewayError, errorAnswer } from "../gateway/error.ts";
import { readArguments } from "./arguments.ts";
import type { DaemonArguments } from "./arguments.ts";
import { replaceFile } from "./atomic-file.ts";
import type { DaemonFile } from "./daemon-file.ts";
import { homeFailure } from "./home-failure.ts";
import { homePaths } from "./home.ts";
import type { HomePaths } from "./home.ts";
import { openKeys } from "./keys.ts";
import { lockHome } from "./lock.ts";
import { VERSION } from "./version.ts";

const INTERNAL_STATUS = 70;

/** Runs a daemon until it is told to stop. It tells whoever started it, on the file descriptor
 * HOLDFAST_READY_FD, one line of JSON: that it serves, or why it does not.
 * @returns why it did not serve; undefined when it did and was stopped */
export async function runDaemon(words: readonly string[]): Promise<HoldfastError | undefined> {
  const given = readArguments(words);
  const paths = homePaths(given.home);
  let log: FileLog | undefined;
  let release: (() => void) | undefined;
  try {
    release = lockHome(paths);
    log = openLog(paths, given.foreground);
    exitOnBug(log);
    await serve(paths, given, log);
    return undefined;
  } catch (error) {
    return refuse(log, error);
  } finally {
    release?.();
    log?.close();
  }
}

function openLog(paths: HomePaths, foreground: boolean): FileLog {
  try {
    return openFileLog(paths.log, foreground ? { echo } : {});
  } catch (cause) {
    throw homeFailure(paths.log, cause);
  }
}

async function serve(paths: HomePaths, given: DaemonArguments, log: FileLog): Promise<void> {
  const startedAt = new Date().toISOString();
  const say = (port: number, ready: boolean): void => {
    const value: DaemonFile = { pid: process.pid, version: VERSION, port, startedAt, ready };
    replaceFile(paths.daemon, `${JSON.stringify(value)}\n`);
  };
  say(0, false);
  try {
    makeFolder(paths.packs);
    const { keyring, created } = await openKeys(paths, given);
    const { peerId, account } = keyring;
    if (given.init) {
      report({ peer: peerId, account, port: 0, created });
      return;
    }
    const { startPeer } = await import("./start.ts");
    const peer = await startPeer({ paths, keyring, log, startedAt, wantedPort: given.port });
    say(peer.port, true);
    log.write("info", "daemon.ready", { version: VERSION, pid: process.pid, port: peer.port });
    report({ peer: peerId, account, port: peer.port, created });
    await peer.stopped;
    log.write("info", "daemon.stopped");
  } finally {
    rmSync(paths.daemon, { force: true });
  }
}

/** Says why the daemon does not run. */
function refuse(log: FileLog | undefined, error: unknown): HoldfastError {
  const known = error instanceof HoldfastError;
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  log?.write("error", "daemon.failed", {
    code: codeOf(error) ?? "",
    message: known ? messageOf(error) : stack,
  });
  const answer = errorAnswer(error);
  report(answer);
  if (known) return error as HoldfastError;
  return new GatewayError("INTERNAL", answer.message, { cause: error, hint: answer.hint ?? "" });
}

/** Tells the starter; it may have gone away. */
function report(value: object): void {
  const descriptor = process.env["HOLDFAST_READY_FD"];
  if (descriptor === undefined) return;
  delete process.env["HOLDFAST_READY_FD"];
  try {
    writeFileSync(Number(descriptor), `${JSON.stringify(value)}\n`);
    closeSync(Number(descriptor));
  } catch {
    // Nobody waits for it.
  }
}

/** Frames of the DHT's libraries. What they leave uncaught, as for a peer that vanishes in the
 * middle of a handshake, breaks no invariant of ours: its session ends by its deadline. */
const OF_DHT =
  /node_modules\/(?:hyperdht|dht-rpc|blind-relay|protomux|udx-native|@hyperswarm\/[a-z-]+)\//;

/** A bug ends the daemon with its reason in the log: going on with a broken invariant could lose
 * what was acknowledged, and what was is durable. */
function exitOnBug(log: FileLog): void {
  const exit =
    (kind: string) =>
    (error: unknown): void => {
      const stack = error instanceof Error ? (error.stack ?? "") : messageOf(error);
      if (OF_DHT.test(stack)) {
        log.write("warn", "dht.bug", { kind, stack });
        return;
      }
      log.write("error", "daemon.bug", { kind, stack });
      process.exit(INTERNAL_STATUS);
    };
  process.on("uncaughtException", exit("exception"));
  process.on("unhandledRejection", exit("rejection"));
}

function echo(line: string): void {
  process.stdout.write(line);
}

if (import.meta.main) {
  const failure = await runDaemon(process.argv.slice(2));
  if (failure !== undefined) process.exitCode = INTERNAL_STATUS;
}
