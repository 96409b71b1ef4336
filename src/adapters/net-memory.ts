import { messageOf } from "../base/error.ts";
import type { PeerId } from "../base/id.ts";
import { BLOCK_BYTES, REQUEST_BODY_MAX_BYTES } from "../base/limits.ts";
import type { Clock } from "../ports/clock.ts";
import type {
  Net,
  OutgoingResponse,
  PeerHandler,
  PeerRequest,
  PeerResponse,
} from "../ports/net.ts";
import { NetError } from "./net-error.ts";

/** What goes wrong with a peer's answers. */
export interface NetFault {
  /** Every answer takes so much longer, by the network's clock. */
  latencyMs?: number;
  /** `before`: the peer cannot be reached; `after`: it does as asked, and the answer is lost. */
  drop?: "before" | "after";
  /** One bit in the middle of the answer is another. */
  flip?: boolean;
  /** So many bytes are missing at the answer's end. */
  truncateBytes?: number;
  /** So many bytes too many come. */
  oversizeBytes?: number;
  /** No answer comes. */
  hang?: boolean;
}

/** Peers that talk inside one process: the twin of the TLS carrier for tests. */
export interface MemoryNetwork {
  /** The Net of one peer. */
  net(peer: PeerId): Net;
  /** Sets what goes wrong with a peer from now on; nothing without `fault`. */
  setFault(peer: PeerId, fault?: NetFault): void;
}

/** How long a caller waits for a peer that hangs, as over TLS. */
const ANSWER_MS = 30_000;

/** Makes a network whose latency runs by `clock`. */
export function createMemoryNetwork(clock: Clock): MemoryNetwork {
  /** undefined: known, but not listening. */
  const handlers = new Map<PeerId, PeerHandler | undefined>();
  const faults = new Map<PeerId, NetFault>();
  let nextPort = 1;

  const exchange = async (
    from: PeerId,
    to: PeerId,
    request: PeerRequest,
    signal: AbortSignal,
  ): Promise<PeerResponse> => {
    const fault = faults.get(to) ?? {};
    const handler = handlers.get(to);
    if (!handlers.has(to)) throw new NetError("PEER_UNKNOWN", `peer ${to}: no address is known`);
    if (handler === undefined || fault.drop === "before") {
      throw new NetError("PEER_UNREACHABLE", `peer ${to}: nobody answers`);
    }
    if (fault.latencyMs !== undefined) await clock.sleep(fault.latencyMs, signal);
    if (fault.hang === true) {
      await clock.sleep(ANSWER_MS, signal);
      throw new NetError("PEER_TIMEOUT", `peer ${to}: no answer within ${ANSWER_MS} ms`);
    }
    const answer = await serve(handler, from, request, signal);
    const body = spoil(await collect(answer), fault);
    signal.throwIfAborted();
    if (fault.drop === "after") {
      throw new NetError("PEER_UNREACHABLE", `peer ${to}: went away in its answer`);
    }
    return deliver(to, request, answer, body);
  };

  return {
    net(peer) {
      if (!handlers.has(peer)) handlers.set(peer, undefined);
      let isClosed = false;
      return {
        async request(to, request, signal) {
          signal.throwIfAborted();
          if (isClosed) throw new NetError("PEER_UNREACHABLE", "this peer's sessions are closed");
          return exchange(peer, to, request, signal);
        },
        listen(handler) {
          handlers.set(peer, handler);
          return Promise.resolve({ port: nextPort++ });
        },
        close() {
          isClosed = true;
          handlers.set(peer, undefined);
          return Promise.resolve();
        },
      };
    },
    setFault(peer, fault) {
      if (fault === undefined) faults.delete(peer);
      else faults.set(peer, fault);
    },
  };
}

async function serve(
  handler: PeerHandler,
  from: PeerId,
  request: PeerRequest,
  signal: AbortSignal,
): Promise<OutgoingResponse> {
  const url = new URL(request.path, "http://peer");
  const declared = Number(request.headers?.["content-length"]);
  const { body } = request;
  const lengthBytes = body instanceof Uint8Array ? body.length : body === undefined ? 0 : declared;
  if (!Number.isSafeInteger(lengthBytes)) {
    throw new TypeError("blocks of a request need a content-length");
  }
  let broken: { error: unknown } | undefined;
  const source = async function* (): AsyncGenerator<Uint8Array> {
    try {
      if (body instanceof Uint8Array) yield body;
      else if (body !== undefined) yield* body;
    } catch (error) {
      broken = { error };
      throw error;
    }
  };
  const length = request.method === "POST" ? { "content-length": String(lengthBytes) } : {};
  try {
    return await handler({
      peer: from,
      method: request.method,
      path: url.pathname,
      query: url.searchParams,
      headers: { ...request.headers, ...length },
      lengthBytes: request.method === "POST" ? lengthBytes : undefined,
      body: reblocked(source()),
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    // The caller's own source failed: over a wire the request would not have ended.
    if (broken !== undefined) throw broken.error;
    const text = JSON.stringify({ code: "PEER_FAILED", message: messageOf(error) });
    return { status: 500, body: new TextEncoder().encode(text) };
  }
}

/** Blocks as a carrier hands them out: of exactly BLOCK_BYTES, and spoilt after the next is pulled,
 * so that whoever keeps one notices. */
async function* reblocked(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, undefined> {
  let block = new Uint8Array(BLOCK_BYTES);
  let filledBytes = 0;
  for await (const piece of source) {
    for (let at = 0; at < piece.length;) {
      const count = Math.min(BLOCK_BYTES - filledBytes, piece.length - at);
      block.set(piece.subarray(at, at + count), filledBytes);
      at += count;
      filledBytes += count;
      if (filledBytes < BLOCK_BYTES) continue;
      yield block;
      block.fill(0xdd);
      block = new Uint8Array(BLOCK_BYTES);
      filledBytes = 0;
    }
  }
  if (filledBytes > 0) yield block.subarray(0, filledBytes);
}

async function collect({ body }: OutgoingResponse): Promise<Uint8Array> {
  if (body === undefined || body instanceof Uint8Array) return body?.slice() ?? new Uint8Array(0);
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece.slice());
  return new Uint8Array(Buffer.concat(pieces));
}

function spoil(body: Uint8Array, fault: NetFault): Uint8Array {
  const cut = body.subarray(0, Math.max(0, body.length - (fault.truncateBytes ?? 0)));
  const spoilt = new Uint8Array(cut.length + (fault.oversizeBytes ?? 0));
  spoilt.set(cut);
  const middle = cut.length >> 1;
  if (fault.flip === true && cut.length > 0) spoilt[middle] = (spoilt[middle] ?? 0) ^ 1;
  return spoilt;
}

function deliver(
  peer: PeerId,
  request: PeerRequest,
  answer: OutgoingResponse,
  body: Uint8Array,
): PeerResponse {
  const { status } = answer;
  const into = status === 200 || status === 206 ? request.into : undefined;
  const limitBytes = into?.length ?? request.bodyMaxBytes ?? REQUEST_BODY_MAX_BYTES;
  if (body.length > limitBytes) {
    const text = `peer ${peer}: an answer of more than ${limitBytes} bytes`;
    throw new NetError("PEER_BROKE_PROTOCOL", text);
  }
  into?.set(body);
  const headers = { ...answer.headers, "content-length": String(body.length) };
  return { status, headers, body: into?.subarray(0, body.length) ?? body };
}
