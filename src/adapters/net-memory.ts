import { messageOf } from "../base/error.ts";
import type { PeerId } from "../base/id.ts";
import { BLOCK_BYTES, REQUEST_BODY_MAX_BYTES } from "../base/limits.ts";
import type { Clock } from "../ports/clock.ts";
import type {
  IncomingRequest,
  Net,
  OutgoingResponse,
  PeerHandler,
  PeerRequest,
  PeerResponse,
  PeerStream,
  StreamHandler,
} from "../ports/net.ts";
import { NetError } from "./net-error.ts";
import { memoryStream } from "./net-memory-stream.ts";

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
  /** Breaks every stream of a peer, as a lost line does. */
  breakStreams(peer: PeerId): void;
}

/** A peer of the network: what it serves, and with whom it has sessions. */
interface Node {
  /** Where others see it. */
  readonly address: string;
  readonly sessions: Set<PeerId>;
  readonly breakers: Set<() => void>;
  /** undefined: known, but not listening. */
  handler?: PeerHandler | undefined;
  streams?: StreamHandler | undefined;
}

/** How long a caller waits for a peer that hangs, as over TLS. */
const ANSWER_MS = 30_000;

/** Makes a network whose latency runs by `clock`. */
export function createMemoryNetwork(clock: Clock): MemoryNetwork {
  return new Network(clock);
}

class Network implements MemoryNetwork {
  readonly #clock: Clock;
  readonly #nodes = new Map<PeerId, Node>();
  readonly #faults = new Map<PeerId, NetFault>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  net(peer: PeerId): Net {
    const node = this.#node(peer);
    let isClosed = false;
    const enter = (signal: AbortSignal): void => {
      signal.throwIfAborted();
      if (isClosed) throw new NetError("PEER_UNREACHABLE", "this peer's sessions are closed");
    };
    return {
      request: async (to, request, signal) => {
        enter(signal);
        return this.#exchange(peer, to, request, signal);
      },
      open: async (to, path, signal) => {
        enter(signal);
        return this.#open(peer, to, path, signal);
      },
      listen(handler, streams) {
        Object.assign(node, { handler, streams });
        return Promise.resolve({ port: Number(node.address.split(":")[1]) });
      },
      carrierOf: (to) => (node.sessions.has(to) ? "direct" : undefined),
      close: () => {
        isClosed = true;
        Object.assign(node, { handler: undefined, streams: undefined });
        this.breakStreams(peer);
        for (const other of node.sessions) this.#nodes.get(other)?.sessions.delete(peer);
        node.sessions.clear();
        return Promise.resolve();
      },
    };
  }

  setFault(peer: PeerId, fault?: NetFault): void {
    if (fault === undefined) this.#faults.delete(peer);
    else this.#faults.set(peer, fault);
  }

  breakStreams(peer: PeerId): void {
    for (const breakOne of this.#nodes.get(peer)?.breakers ?? []) breakOne();
  }

  #node(peer: PeerId): Node {
    let node = this.#nodes.get(peer);
    if (node === undefined) {
      const count = this.#nodes.size + 1;
      const address = `10.${count >> 16}.${(count >> 8) & 255}.${count & 255}:4242`;
      node = { address, sessions: new Set(), breakers: new Set() };
      this.#nodes.set(peer, node);
    }
    return node;
  }

  /** Goes as far as a request does before its handler sees it. */
  async #reach(from: PeerId, to: PeerId, signal: AbortSignal): Promise<Node> {
    const fault = this.#faults.get(to) ?? {};
    const node = this.#nodes.get(to);
    if (node === undefined) {
      throw new NetError("PEER_UNKNOWN", `peer ${to}: no address is known`);
    }
    if (node.handler === undefined || fault.drop === "before") {
      throw new NetError("PEER_UNREACHABLE", `peer ${to}: nobody answers`);
    }
    if (fault.latencyMs !== undefined) await this.#clock.sleep(fault.latencyMs, signal);
    if (fault.hang === true) {
      await this.#clock.sleep(ANSWER_MS, signal);
      throw new NetError("PEER_TIMEOUT", `peer ${to}: no answer within ${ANSWER_MS} ms`);
    }
    node.sessions.add(from);
    this.#node(from).sessions.add(to);
    return node;
  }

  async #exchange(
    from: PeerId,
    to: PeerId,
    request: PeerRequest,
    signal: AbortSignal,
  ): Promise<PeerResponse> {
    const { handler } = await this.#reach(from, to, signal);
    if (handler === undefined) throw gone(to);
    const answer = await serve(handler, this.#seen(from), request, signal);
    const fault = this.#faults.get(to) ?? {};
    const body = spoil(await collect(answer), fault);
    signal.throwIfAborted();
    if (fault.drop === "after") throw gone(to);
    return deliver(to, request, answer, body);
  }

  async #open(from: PeerId, to: PeerId, path: string, signal: AbortSignal): Promise<PeerStream> {
    const node = await this.#reach(from, to, signal);
    const url = new URL(path, "http://peer");
    const asked = {
      ...this.#seen(from),
      method: "GET",
      path: url.pathname,
      query: url.searchParams,
      headers: {},
      signal,
    } as const;
    const decided = await node.streams?.(asked).catch(() => ({ status: 500 }));
    signal.throwIfAborted();
    if (typeof decided !== "function") throw await refusal(to, decided);
    const pair = memoryStream(from, to);
    const breakers = [node.breakers, this.#node(from).breakers];
    for (const some of breakers) some.add(pair.break);
    void pair.near.closed.then(() => {
      for (const some of breakers) some.delete(pair.break);
    });
    decided(pair.far);
    return pair.near;
  }

  #seen(from: PeerId): Seen {
    const { address } = this.#node(from);
    return { peer: from, standing: "member", carrier: "direct", address };
  }
}

type Seen = Pick<IncomingRequest, "peer" | "standing" | "carrier" | "address">;

function gone(peer: PeerId): NetError {
  return new NetError("PEER_UNREACHABLE", `peer ${peer}: went away in its answer`);
}

/** The peer's own code, where its answer has one. */
async function refusal(peer: PeerId, answer: OutgoingResponse | undefined): Promise<NetError> {
  const text = new TextDecoder().decode(await collect(answer ?? { status: 404 }));
  const code = /"code":"([A-Z_]{1,40})"/.exec(text)?.[1] ?? `HTTP_${answer?.status ?? 404}`;
  return new NetError("PEER_REFUSED", `peer ${peer}: refuses the stream with ${code}`);
}

async function serve(
  handler: PeerHandler,
  seen: Seen,
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
      ...seen,
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
