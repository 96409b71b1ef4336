import type { IncomingMessage, ServerResponse } from "node:http";
import { messageOf } from "../../base/error.ts";
import { BLOCK_BYTES } from "../../base/limits.ts";
import type { Log } from "../../ports/log.ts";
import type { OutgoingResponse, PeerHandler } from "../../ports/net.ts";
import { BlockReader, writeBody, type BlockBuffers } from "./body.ts";
import type { Session } from "./carrier.ts";
import { contentLength, plainHeaders } from "./headers.ts";
import type { SessionBounds, SessionTimes } from "./options.ts";
import { Transfer, type ProgressWatch } from "./progress.ts";

/** What answering needs of the listener. */
export interface AnswerContext {
  handler: PeerHandler;
  bounds: SessionBounds;
  times: SessionTimes;
  watch: ProgressWatch;
  buffers: BlockBuffers;
  log: Log;
}

const jsonError = (status: number, code: string, message: string): OutgoingResponse => ({
  status,
  headers: { "content-type": "application/json" },
  body: new TextEncoder().encode(JSON.stringify({ code, message })),
});

/** What is refused before any handler sees it. */
function refusal(
  request: IncomingMessage,
  lengthBytes: number | undefined,
  bounds: SessionBounds,
): OutgoingResponse | undefined {
  const { method, url = "", headers } = request;
  if (method !== "GET" && method !== "POST") {
    return jsonError(405, "METHOD_REFUSED", "peers speak get and post only");
  }
  if (headers["transfer-encoding"] !== undefined) {
    return jsonError(411, "LENGTH_REQUIRED", "a body comes whole, with its content-length");
  }
  if (Number.isNaN(lengthBytes) || !/^\/[\x21-\x7e]{0,2047}$/.test(url)) {
    return jsonError(400, "REQUEST_MALFORMED", "the path or the content-length is malformed");
  }
  if (method === "POST" && lengthBytes === undefined) {
    return jsonError(411, "LENGTH_REQUIRED", "a post needs its content-length");
  }
  if (method === "GET" && (lengthBytes ?? 0) > 0) {
    return jsonError(400, "REQUEST_MALFORMED", "a get has no body");
  }
  if ((lengthBytes ?? 0) > bounds.bodyMaxBytes) {
    const text = `a body of ${lengthBytes} bytes, at most ${bounds.bodyMaxBytes} are taken`;
    return jsonError(413, "BODY_TOO_LARGE", text);
  }
  return undefined;
}

/** Answers one request. Never rejects: whatever goes wrong ends in an answer or in a closed
 * session. */
export async function answerRequest(
  session: Session,
  request: IncomingMessage,
  response: ServerResponse,
  context: AnswerContext,
): Promise<void> {
  const { peer, socket } = session;
  const gone = new AbortController();
  const transfer = new Transfer((reason) => {
    context.log.write("debug", "net.request-cut", { peer, reason });
    socket.destroy();
  });
  const lengthBytes = contentLength(request.headers);
  const body = new BlockReader(request, lengthBytes || 0, transfer, context.buffers);
  const onClose = (): void => {
    const error = new Error("the peer went away");
    gone.abort(error);
    body.fail(error);
  };
  request.on("error", () => undefined);
  response.on("error", () => undefined);
  socket.once("close", onClose);
  context.watch.start(transfer);
  try {
    const refused = refusal(request, lengthBytes, context.bounds);
    const answer =
      refused ?? (await handle(session, request, lengthBytes, body, gone.signal, context));
    if (socket.destroyed) await abandon(answer);
    else await send(response, answer, body, transfer);
    if (!body.arrived && !socket.destroyed) linger(request, context.times.lingerMs);
  } catch (error) {
    // Headers are out: the only honest end of a broken answer is a closed session.
    const reason = messageOf(error);
    if (!socket.destroyed) context.log.write("warn", "net.answer-broken", { peer, reason });
    socket.destroy();
  } finally {
    context.watch.end(transfer);
    socket.off("close", onClose);
    body.release();
  }
}

async function handle(
  session: Session,
  request: IncomingMessage,
  lengthBytes: number | undefined,
  body: BlockReader,
  signal: AbortSignal,
  context: AnswerContext,
): Promise<OutgoingResponse> {
  const { peer, standing, carrier, address } = session;
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  try {
    return await context.handler({
      peer,
      standing,
      carrier,
      ...(address === undefined ? {} : { address }),
      method: request.method === "GET" ? "GET" : "POST",
      path: mark < 0 ? url : url.slice(0, mark),
      query: new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1)),
      headers: plainHeaders(request.headers),
      lengthBytes,
      body,
      signal,
    });
  } catch (error) {
    if (!signal.aborted) {
      context.log.write("error", "net.handler-failed", { peer, reason: messageOf(error) });
    }
    return jsonError(500, "PEER_FAILED", "this peer could not answer");
  }
}

async function send(
  response: ServerResponse,
  answer: OutgoingResponse,
  body: BlockReader,
  transfer: Transfer,
): Promise<void> {
  const headers: Record<string, string> = { ...answer.headers };
  const content = answer.body ?? new Uint8Array(0);
  if (content instanceof Uint8Array) headers["content-length"] = String(content.length);
  const lengthBytes = contentLength(headers);
  if (lengthBytes === undefined) throw new TypeError("blocks of an answer need a content-length");
  // The rest of the request is thrown away, so the session cannot go on after it.
  if (!body.arrived) headers["connection"] = "close";
  response.sendDate = false;
  response.writeHead(answer.status, headers);
  const finished = new Promise<void>((resolve, reject) => {
    response.once("finish", resolve);
    response.once("close", () => reject(new Error("closed in its answer")));
  });
  finished.catch(() => undefined);
  if (content instanceof Uint8Array && content.length <= BLOCK_BYTES) response.end(content);
  else await writeBody(response, content, lengthBytes, transfer);
  transfer.enter("bytes");
  await finished;
}

/** Tells the source of an answer's blocks that nobody wants them any more. */
async function abandon({ body }: OutgoingResponse): Promise<void> {
  if (body === undefined || body instanceof Uint8Array) return;
  await body[Symbol.asyncIterator]().return?.();
}

/** Throws the rest of a body away for a moment: a socket closed over unread bytes is reset, and the
 * reset would overtake the answer. */
function linger(request: IncomingMessage, lingerMs: number): void {
  const { socket } = request;
  const timer = setTimeout(() => socket.destroy(), lingerMs).unref();
  socket.once("close", () => clearTimeout(timer));
  request.resume();
}
