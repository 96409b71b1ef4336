import type { Readable, Writable } from "node:stream";
import type { Command } from "commander";
import { HoldfastError } from "../base/error.ts";
import { readDaemonFile } from "../daemon/daemon-file.ts";
import { homePaths, resolveHome, socketAddress } from "../daemon/home.ts";
import type { HomePaths } from "../daemon/home.ts";
import { VERSION, isOlder } from "../daemon/version.ts";
import { notRunning, openApi } from "./client.ts";
import type { Api, Input } from "./client.ts";
import { startOrJoin, waitStopped } from "./daemon-process.ts";
import { CliError, DaemonAnswerError } from "./error.ts";
import { STATUS } from "./exit-status.ts";
import { createProgress } from "./progress.ts";

/** What every command works with: the home, the daemon's API, and where to write. */
export interface Session {
  paths: HomePaths;
  json: boolean;
  /** Text for people; nothing with `--json`. */
  say: (text: string) => void;
  /** A remark beside the result, on standard error; nothing with `--json`. */
  note: (text: string) => void;
  /** The result for programs; nothing without `--json`. */
  result: (value: unknown) => void;
  /** One request; starts the daemon where it is not running. */
  ask<Result>(method: "GET" | "POST", path: string, input?: Input): Promise<Result>;
  /** The same to a running daemon: fails where there is none. */
  askRunning<Result>(method: "GET" | "POST", path: string, input?: Input): Promise<Result>;
  /** Long work, with progress shown. */
  run<Result>(path: string, input: Input, body?: Readable): Promise<Result>;
  fetch(path: string, input: Input, target: Writable): Promise<void>;
}

/** Opens the session of a command from its options `--home` and `--json`. */
export function openSession(command: Command): Session {
  const options = command.optsWithGlobals<{ home?: string; json?: boolean }>();
  if (options.home === "") {
    throw new CliError("USAGE", "--home is empty", { hint: "name a folder: --home ~/.holdfast" });
  }
  return sessionOf(resolveHome(options.home), options.json === true);
}

/** A session with a home that is given. */
export function sessionOf(home: string, json: boolean): Session {
  const paths = homePaths(home);
  const say = (text: string): void => void (json || process.stdout.write(text));
  const note = (text: string): void => void (json || process.stderr.write(`${text}\n`));
  const started = <T>(work: (api: Api) => Promise<T>): Promise<T> => withDaemon(paths, note, work);
  return {
    paths,
    json,
    say,
    note,
    result: (value) => void (json && process.stdout.write(`${JSON.stringify(value)}\n`)),
    ask: async <Result>(method: "GET" | "POST", path: string, input?: Input) =>
      (await started((api) => api.ask(method, path, input))) as Result,
    askRunning: async <Result>(method: "GET" | "POST", path: string, input?: Input) =>
      (await apiOf(paths).ask(method, path, input)) as Result,
    async run<Result>(path: string, input: Input, body?: Readable) {
      // A stream cannot be sent twice: the daemon must be there before it begins.
      if (body !== undefined) await started((api) => api.ask("GET", "/v1/version"));
      const work = (api: Api): Promise<unknown> => api.run(path, input, progress.tell, body);
      const bar = process.stderr.isTTY && !json;
      const progress = createProgress(bar, (text) => void process.stderr.write(text));
      const interrupted = (): void => {
        progress.end();
        process.exit(STATUS.interrupted);
      };
      // Who listens already has more to clean up than a bar.
      if (bar && process.listenerCount("SIGINT") === 0) process.once("SIGINT", interrupted);
      try {
        return (await (body === undefined ? started(work) : work(apiOf(paths)))) as Result;
      } finally {
        process.off("SIGINT", interrupted);
        progress.end();
      }
    },
    fetch: (path, input, target) => started((api) => api.fetch(path, input, target)),
  };
}

function apiOf(paths: HomePaths): Api {
  try {
    return openApi(socketAddress(paths));
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    throw notRunning(error);
  }
}

/** Does `work` with a daemon that is at least as new as this program, starting or restarting it. */
async function withDaemon<T>(
  paths: HomePaths,
  note: (text: string) => void,
  work: (api: Api) => Promise<T>,
): Promise<T> {
  const found = readDaemonFile(paths);
  try {
    if (found?.ready === true && isOlder(found.version, VERSION)) {
      await apiOf(paths).ask("POST", "/v1/down");
      await waitStopped(paths.home, found.pid);
      note(`restarting the daemon: it was version ${found.version}, this is ${VERSION}`);
    }
    return await work(apiOf(paths));
  } catch (error) {
    const absent = error instanceof CliError && error.code === "DAEMON_NOT_RUNNING";
    const leaving = error instanceof DaemonAnswerError && error.code === "DAEMON_STOPPING";
    if (!absent && !leaving) throw error;
    if (leaving && found !== undefined) await waitStopped(paths.home, found.pid);
  }
  const started = await startOrJoin(paths.home);
  if (started?.created === true) note(`made a new home in ${paths.home}, peer ${started.peer}`);
  if (started !== undefined) note(`started the daemon (pid ${started.pid})`);
  return work(apiOf(paths));
}
