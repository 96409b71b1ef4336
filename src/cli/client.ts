import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Readable, Writable } from "node:stream";
import { codeOf } from "../base/error.ts";
import type { ReportEvent } from "../volume/service.ts";
import { CliError, DaemonAnswerError } from "./error.ts";

/** What a query or a body is made of. */
export type Input = Readonly<Record<string, unknown>>;

/** The local API of one home. */
export interface Api {
  /** One JSON value. */
  ask(method: "GET" | "POST", path: string, input?: Input): Promise<unknown>;
  /** Long work: `tell` gets its progress and warnings.
   * @param body is sent as content; the input is then in the query */
  run(
    path: string,
    input: Input,
    tell: (event: ReportEvent) => void,
    body?: Readable,
  ): Promise<unknown>;
  /** The bytes of an answer into `target`, which is not ended. */
  fetch(path: string, input: Input, target: Writable): Promise<void>;
}

/** The local API behind a socket. A socket where nobody listens fails with DAEMON_NOT_RUNNING
 * before anything was sent.
 * @throws DaemonAnswerError with the daemon's code | CliError DAEMON_NOT_RUNNING | DAEMON_GONE */
export function openApi(socketPath: string): Api {
  const send = (
    method: "GET" | "POST",
    path: string,
    input: Input | undefined,
    body?: Readable,
  ): Promise<IncomingMessage> => {
    const inQuery = method === "GET" || body !== undefined;
    const query = inQuery && input !== undefined ? `?${queryOf(input)}` : "";
    return new Promise((resolve, reject) => {
      const outgoing = request({ socketPath, method, path: path + query, agent: false });
      outgoing.once("response", resolve);
      outgoing.once("error", (cause) => reject(connectionError(cause)));
      if (body !== undefined) pipeline(body, outgoing).catch(() => {});
      else if (inQuery) outgoing.end();
      else outgoing.end(JSON.stringify(input ?? {}));
    });
  };
  return {
    async ask(method, path, input) {
      const answer = await send(method, path, input);
      const value = parse(await textOf(answer));
      if (answer.statusCode !== 200) throw answerError(value);
      return value;
    },
    async run(path, input, tell, body) {
      const answer = await send("POST", path, input, body);
      if (answer.statusCode !== 200) throw answerError(parse(await textOf(answer)));
      for await (const event of eventsOf(answer)) {
        if (event.event === "done") return event.result;
        if (event.event === "error") throw answerError(event);
        tell(event);
      }
      throw gone();
    },
    async fetch(path, input, target) {
      const answer = await send("GET", path, input);
      if (answer.statusCode !== 200) throw answerError(parse(await textOf(answer)));
      try {
        await pipeline(answer, target, { end: false });
      } catch (cause) {
        if (codeOf(cause) === "EPIPE") throw cause;
        throw gone(cause);
      }
      const failure = answer.trailers["holdfast-error"];
      if (failure !== undefined) throw answerError(parse(decodeURIComponent(failure)));
    },
  };
}

type Event = ReportEvent | { event: "done"; result: unknown } | { event: "error" };

async function* eventsOf(answer: IncomingMessage): AsyncGenerator<Event> {
  let rest = "";
  answer.setEncoding("utf8");
  try {
    for await (const text of answer as AsyncIterable<string>) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield parse(line) as Event;
    }
  } catch (cause) {
    throw gone(cause);
  }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  answer.setEncoding("utf8");
  try {
    for await (const part of answer as AsyncIterable<string>) text += part;
  } catch (cause) {
    throw gone(cause);
  }
  return text;
}

function queryOf(input: Input): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(input)) {
    if (value === undefined) continue;
    query.set(name, typeof value === "string" ? value : JSON.stringify(value));
  }
  return query.toString();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw gone(cause);
  }
}

function answerError(value: unknown): DaemonAnswerError {
  const { code, message, hint } = (value ?? {}) as Partial<Record<string, unknown>>;
  const known = typeof code === "string" && typeof message === "string";
  return new DaemonAnswerError(
    known ? code : "INTERNAL",
    known ? message : "the daemon gave no reason",
    {
      ...(typeof hint === "string" ? { hint } : {}),
    },
  );
}

function connectionError(cause: unknown): Error {
  const code = codeOf(cause);
  if (!["ENOENT", "ENOTDIR", "ECONNREFUSED"].includes(code ?? "")) return gone(cause);
  return notRunning(cause);
}

/** The failure of a command that needs a running daemon. */
export function notRunning(cause: unknown): CliError {
  return new CliError("DAEMON_NOT_RUNNING", "the daemon is not running", {
    cause,
    hint: "start it with `holdfast up`",
  });
}

function gone(cause?: unknown): CliError {
  return new CliError("DAEMON_GONE", "the daemon went away in the middle", {
    cause,
    hint: "see `holdfast logs`; then run the command again, nothing acknowledged is lost",
  });
}
