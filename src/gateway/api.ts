import type { ServerResponse } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import type { Context } from "hono";
import { messageOf } from "../base/error.ts";
import { fromUtf8, concatBytes } from "../base/bytes.ts";
import { REQUEST_BODY_MAX_BYTES } from "../base/limits.ts";
import type { Log } from "../ports/log.ts";
import { GatewayError, errorAnswer, statusOf } from "./error.ts";
import type { ErrorAnswer } from "./error.ts";
import { createEventWriter } from "./events.ts";
import { createHandlers } from "./handlers.ts";
import type { Call, Services } from "./handlers.ts";
import type { Job } from "./jobs.ts";
import { openApiDocument } from "./openapi.ts";
import { routes } from "./routes.ts";
import type { Route } from "./routes.ts";

type ApiContext = Context<{ Bindings: HttpBindings }>;
/** A handler whose input was checked by its route's schema. */
type CheckedHandler = (input: unknown, call: Call) => unknown;

/** What the local API is made of. */
export interface ApiParts extends Services {
  log: Log;
  version: string;
}

/** The local API as a Hono app; it is served over Node's HTTP server only. */
export function createApi(parts: ApiParts): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  const handlers = new Map<string, unknown>(Object.entries(createHandlers(parts)));
  const document = openApiDocument(parts.version);
  app.get("/v1/openapi.json", (context) => context.json(document));
  for (const [name, route] of Object.entries<Route>(routes)) {
    const handler = handlers.get(name) as CheckedHandler;
    app.on(route.method, route.path, (context) => serve(parts, name, route, handler, context));
  }
  app.notFound((context) => {
    const message = `the local API has no ${context.req.method} ${context.req.path}`;
    const hint = "GET /v1/openapi.json lists all routes";
    return failure(new GatewayError("ROUTE_UNKNOWN", message, { hint }));
  });
  app.onError((error) => failure(logged(parts, "api", error)));
  return app;
}

async function serve(
  parts: ApiParts,
  name: string,
  route: Route,
  handler: CheckedHandler,
  context: ApiContext,
): Promise<Response> {
  const { incoming, outgoing } = context.env;
  // Stopping must be asked for at any time.
  const job = parts.jobs.begin({ always: name === "down" });
  const gone = new GatewayError("JOB_ABORTED", "the client went away");
  const closed = new Promise<void>((resolve) => {
    outgoing.once("close", () => {
      if (!outgoing.writableFinished) job.abort(gone);
      resolve();
    });
  });
  try {
    const input = check(route, await readInput(route, context));
    const call: Call = { signal: job.signal, report: () => {}, body: incoming };
    if (route.answer === "json") return Response.json(await handler(input, call));
    if (route.answer === "bytes") {
      await sendBytes(parts, name, handler(input, call) as AsyncIterable<Uint8Array>, outgoing);
    } else {
      await runEvents(parts, name, handler, input, call, outgoing);
    }
    return RESPONSE_ALREADY_SENT;
  } catch (error) {
    return failure(logged(parts, name, error, job));
  } finally {
    // A job lasts until its answer has left: a stopping daemon cuts no answer short.
    void closed.then(() => job.end());
  }
}

async function runEvents(
  parts: ApiParts,
  name: string,
  handler: CheckedHandler,
  input: unknown,
  call: Call,
  outgoing: ServerResponse,
): Promise<void> {
  const writer = createEventWriter(outgoing, parts.clock);
  try {
    writer.done(await handler(input, { ...call, report: writer.report }));
  } catch (error) {
    writer.fail(errorAnswer(logged(parts, name, call.signal.aborted ? call.signal.reason : error)));
  }
}

/** Sends blocks as they come. The first is pulled before the status is sent, so that what cannot
 * even begin is an ordinary failure; a later one is told in a trailer. */
async function sendBytes(
  parts: ApiParts,
  name: string,
  blocks: AsyncIterable<Uint8Array>,
  outgoing: ServerResponse,
): Promise<void> {
  const iterator = blocks[Symbol.asyncIterator]();
  let next = await iterator.next();
  outgoing.writeHead(200, {
    "content-type": "application/octet-stream",
    trailer: "holdfast-error",
  });
  try {
    while (next.done !== true) {
      await writeBlock(outgoing, next.value);
      next = await iterator.next();
    }
  } catch (error) {
    await iterator.return?.();
    const answer = JSON.stringify(errorAnswer(logged(parts, name, error)));
    outgoing.addTrailers({ "holdfast-error": encodeURIComponent(answer) });
  }
  outgoing.end();
}

/** Resolves when the block has left: its buffer may then be used again. */
function writeBlock(outgoing: ServerResponse, block: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    outgoing.write(block, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(new GatewayError("JOB_ABORTED", "the client went away", { cause: error }));
    });
  });
}

async function readInput(route: Route, context: ApiContext): Promise<unknown> {
  if (route.method === "GET" || route.streams !== undefined) return context.req.query();
  const parts: Uint8Array[] = [];
  let lengthBytes = 0;
  for await (const part of context.env.incoming as AsyncIterable<Uint8Array>) {
    lengthBytes += part.length;
    if (lengthBytes > REQUEST_BODY_MAX_BYTES) {
      throw invalid(route, `the body is longer than ${REQUEST_BODY_MAX_BYTES} bytes`);
    }
    parts.push(part);
  }
  const text = fromUtf8(concatBytes(...parts));
  if (text === "") return {};
  try {
    return JSON.parse(text ?? "\0");
  } catch {
    throw invalid(route, "the body is no JSON");
  }
}

function check(route: Route, value: unknown): unknown {
  const result = route.input.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue === undefined ? "" : `${issue.path.join(".")}: ${issue.message}`;
  throw invalid(route, where);
}

function invalid(route: Route, reason: string): GatewayError {
  return new GatewayError("REQUEST_INVALID", `${route.method} ${route.path}: ${reason}`, {
    hint: "GET /v1/openapi.json describes every request",
  });
}

/** Writes a bug of ours to the log, and gives the error that the client is told. */
function logged(parts: ApiParts, route: string, error: unknown, job?: Job): unknown {
  if (job?.signal.aborted === true) return job.signal.reason;
  if (errorAnswer(error).code === "INTERNAL") {
    const stack = error instanceof Error ? (error.stack ?? "") : "";
    parts.log.write("error", "internal", { route, message: messageOf(error), stack });
  }
  return error;
}

function failure(error: unknown): Response {
  const answer: ErrorAnswer = errorAnswer(error);
  return Response.json(answer, { status: statusOf(answer.code) });
}
