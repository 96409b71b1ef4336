import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { codeOf, messageOf } from "../../base/error.ts";
import type { PeerId } from "../../base/id.ts";
import { BLOCK_BYTES, REQUEST_BODY_MAX_BYTES } from "../../base/limits.ts";
import type { PeerRequest, PeerResponse } from "../../ports/net.ts";
import { NetError } from "../net-error.ts";
import { SessionBroken, freeChunk, writeBody } from "./body.ts";
import { contentLength, plainHeaders } from "./headers.ts";
import { Transfer, type ProgressWatch } from "./progress.ts";
import type { Lease } from "./pool.ts";

/** An exchange that failed before a byte of the answer came, on a session that may have been closed
 * by the other side while it idled: worth another try on a fresh one. */
export class StaleSession extends Error {}

export interface ExchangeOptions {
  watch: ProgressWatch;
  headersMaxBytes: number;
  /** Called when the session can serve another request. */
  onFree: () => void;
}

/** Sends one request over a session and collects its answer.
 * @throws NetError PEER_UNREACHABLE | PEER_TIMEOUT | PEER_BROKE_PROTOCOL; StaleSession */
export async function exchange(
  peer: PeerId,
  request: PeerRequest,
  lease: Lease,
  options: ExchangeOptions,
  signal: AbortSignal,
): Promise<PeerResponse> {
  const headers = headersOf(peer, request);
  const { promise, resolve, reject } = Promise.withResolvers<PeerResponse>();
  let answered = false;
  const { socket } = lease;
  const { method, path } = request;
  const maxHeaderSize = options.headersMaxBytes;
  const createConnection = (): Duplex => socket;
  const client = httpRequest({ method, path, headers, maxHeaderSize, createConnection });
  const fail = (error: unknown): void => {
    const failure = failureOf(peer, error);
    const stale = !answered && lease.reused && failure.code === "PEER_UNREACHABLE";
    reject(stale ? new StaleSession(failure.message, { cause: error }) : failure);
    client.destroy();
  };
  const transfer = new Transfer((reason) =>
    fail(new NetError("PEER_TIMEOUT", `peer ${peer}: ${reason}`)),
  );
  const onAbort = (): void => {
    reject(signal.reason as Error);
    client.destroy();
  };
  signal.addEventListener("abort", onAbort, { once: true });
  socket.once("free", options.onFree);
  client.once("error", fail);
  client.once("close", () => {
    if (!answered) fail(new Error("the session was closed"));
  });
  client.once("response", (answer) => {
    answered = true;
    receive(peer, request, answer, transfer).then(resolve, fail);
  });
  options.watch.start(transfer);
  try {
    await Promise.race([
      sendBody(client, request.body, contentLength(headers) ?? 0, transfer),
      promise,
    ]);
    if (!answered) transfer.enter("answer");
    return await promise;
  } catch (error) {
    // The caller's own error, out of its blocks, goes back to it as it is.
    if (error instanceof SessionBroken && !answered) fail(error);
    else reject(error);
    return await promise;
  } finally {
    options.watch.end(transfer);
    signal.removeEventListener("abort", onAbort);
    // An answer that came before the request was out: the rest of it is not wanted.
    if (!client.writableFinished) client.destroy();
  }
}

function headersOf(peer: PeerId, request: PeerRequest): Record<string, string> {
  const { body, method } = request;
  const headers: Record<string, string> = { ...request.headers };
  headers["host"] = peer;
  headers["connection"] = "keep-alive";
  if (body instanceof Uint8Array) headers["content-length"] = String(body.length);
  else if (method === "POST" && body === undefined) headers["content-length"] = "0";
  const lengthBytes = contentLength(headers);
  if (body !== undefined && (lengthBytes === undefined || Number.isNaN(lengthBytes))) {
    throw new TypeError("blocks of a request need a content-length");
  }
  return headers;
}

async function sendBody(
  client: ClientRequest,
  body: Uint8Array | AsyncIterable<Uint8Array> | undefined,
  lengthBytes: number,
  transfer: Transfer,
): Promise<void> {
  if (body === undefined) client.end();
  else if (body instanceof Uint8Array && body.length <= BLOCK_BYTES) client.end(body);
  else await writeBody(client, body, lengthBytes, transfer);
}

function receive(
  peer: PeerId,
  request: PeerRequest,
  answer: IncomingMessage,
  transfer: Transfer,
): Promise<PeerResponse> {
  const status = answer.statusCode ?? 0;
  const headers = plainHeaders(answer.headers);
  const into = status === 200 || status === 206 ? request.into : undefined;
  const limitBytes = into?.length ?? request.bodyMaxBytes ?? REQUEST_BODY_MAX_BYTES;
  const lengthBytes = contentLength(headers);
  const tooLong = (): NetError =>
    new NetError("PEER_BROKE_PROTOCOL", `peer ${peer}: an answer of more than ${limitBytes} bytes`);
  return new Promise((resolve, reject) => {
    if (lengthBytes === undefined || !(lengthBytes <= limitBytes)) {
      const malformed = lengthBytes === undefined || Number.isNaN(lengthBytes);
      const text = `peer ${peer}: an answer without its content-length`;
      reject(malformed ? new NetError("PEER_BROKE_PROTOCOL", text) : tooLong());
      return;
    }
    const target = into ?? new Uint8Array(lengthBytes);
    let at = 0;
    transfer.phase = "own";
    transfer.enter("bytes");
    answer.on("data", (bytes: Uint8Array) => {
      target.set(bytes, at);
      at += bytes.length;
      transfer.bytes += bytes.length;
      freeChunk(bytes);
    });
    answer.once("error", reject);
    answer.once("close", () => reject(new Error("the session was closed")));
    answer.once("end", () => {
      if (at === lengthBytes) resolve({ status, headers, body: target.subarray(0, at) });
      else reject(new Error("the answer was cut short"));
    });
  });
}

function failureOf(peer: PeerId, error: unknown): NetError {
  if (error instanceof NetError) return error;
  const text = `peer ${peer}: ${messageOf(error)}`;
  const malformed = codeOf(error)?.startsWith("HPE_") === true;
  return new NetError(malformed ? "PEER_BROKE_PROTOCOL" : "PEER_UNREACHABLE", text, {
    cause: error,
  });
}
