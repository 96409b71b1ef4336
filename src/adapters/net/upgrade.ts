import { request as httpRequest, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { codeOf, HoldfastError, messageOf } from "../../base/error.ts";
import type { PeerId } from "../../base/id.ts";
import { KIB } from "../../base/limits.ts";
import type { Log } from "../../ports/log.ts";
import type { OutgoingResponse, Standing } from "../../ports/net.ts";
import { NetError } from "../net-error.ts";
import type { Carrier, Session } from "./carrier.ts";
import { SESSION_TIMES } from "./options.ts";

/** What a refusal may say. */
const REFUSAL_MAX_BYTES = 4 * KIB;
const PROTOCOL = "holdfast";

/** Who wants a stream. */
export interface StreamAsker {
  readonly peer: PeerId;
  readonly standing: Standing;
  /** `host:port` where it was seen. */
  readonly address?: string;
  /** With its query. */
  readonly path: string;
  /** Aborted when the asker goes away. */
  readonly signal: AbortSignal;
}

/** Decides about a stream: a function takes it after the `101`; an answer or a coded error refuses
 * it. */
export type StreamTaker = (
  from: StreamAsker,
) => Promise<((socket: Duplex) => void) | OutgoingResponse>;

/** Opens byte streams on direct sessions by HTTP/1.1 upgrade (`GET path`, `upgrade: holdfast`). */
export interface Upgrader {
  /** @throws NetError, PEER_REFUSED where the peer answered with an error */
  open(peer: PeerId, path: string, signal: AbortSignal): Promise<Duplex>;
  /** Serves streams whose path begins with `prefix`; the longest prefix counts. */
  serve(prefix: string, take: StreamTaker): void;
}

/** Both sides of upgrades. */
export interface Upgrades extends Upgrader {
  /** Answers a peer's wish for a stream; never rejects. */
  take(session: Session, path: string, socket: Duplex, log: Log): Promise<void>;
  /** Whether a stream that we opened to `peer` is open. */
  isOpen(peer: PeerId): boolean;
  /** Breaks the streams that we opened. */
  close(): void;
}

/** @param direct the carrier that streams are opened over
 * @param answerMs how long a peer may take to answer */
export function createUpgrades(direct: Pick<Carrier, "dial">, answerMs: number): Upgrades {
  const takers = new Map<string, StreamTaker>();
  const opened = new Map<Duplex, PeerId>();
  return {
    async open(peer, path, signal) {
      const socket = await direct.dial(peer, signal);
      opened.set(socket, peer);
      socket.once("close", () => opened.delete(socket));
      return upgrade(peer, path, socket, answerMs, signal);
    },
    isOpen: (peer) => [...opened.values()].includes(peer),
    close() {
      for (const socket of opened.keys()) socket.destroy();
    },
    serve(prefix, take) {
      takers.set(prefix, take);
    },
    async take(session, path, socket, log) {
      const { peer, standing, address } = session;
      const prefixes = [...takers.keys()].filter((each) => path.startsWith(each));
      const prefix = prefixes.toSorted((a, b) => b.length - a.length)[0];
      const taker = prefix === undefined ? undefined : takers.get(prefix);
      try {
        if (taker === undefined || standing !== "member") return refuse(socket, UNKNOWN);
        const gone = new AbortController();
        socket.once("close", () => gone.abort(new Error("the peer went away")));
        const seen = address === undefined ? {} : { address };
        const from = { peer, standing, path, ...seen, signal: gone.signal };
        const taken = await taker(from);
        if (typeof taken !== "function") return refuse(socket, taken);
        if (socket.destroyed) return;
        socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n`);
        socket.write(`upgrade: ${PROTOCOL}\r\n\r\n`);
        taken(socket);
      } catch (error) {
        log.write("debug", "net.stream-refused", { peer, reason: messageOf(error) });
        refuse(socket, answerOf(error));
      }
    },
  };
}

const UNKNOWN: OutgoingResponse = {
  status: 404,
  body: new TextEncoder().encode('{"code":"PATH_UNKNOWN","message":"there is no stream here"}'),
};

function answerOf(error: unknown): OutgoingResponse {
  const known = error instanceof HoldfastError;
  const code = known ? (codeOf(error) ?? "PEER_FAILED") : "PEER_FAILED";
  const message = known ? error.message : "this peer could not answer";
  const hint = known && error.hint !== undefined ? { hint: error.hint } : {};
  const text = JSON.stringify({ code, message, ...hint });
  return { status: known ? 409 : 500, body: new TextEncoder().encode(text) };
}

function refuse(socket: Duplex, { status, body }: OutgoingResponse): void {
  if (socket.destroyed) return;
  const content = body instanceof Uint8Array ? body : new Uint8Array(0);
  const head = `HTTP/1.1 ${status} Refused\r\ncontent-type: application/json\r\n`;
  socket.write(`${head}content-length: ${content.length}\r\nconnection: close\r\n\r\n`);
  socket.end(content);
  // Whoever is refused has a moment to read why; it must not keep the connection for that.
  const timer = setTimeout(() => socket.destroy(), SESSION_TIMES.lingerMs).unref();
  socket.once("close", () => clearTimeout(timer));
}

function upgrade(
  peer: PeerId,
  path: string,
  socket: Duplex,
  answerMs: number,
  signal: AbortSignal,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const headers = { host: peer, connection: "upgrade", upgrade: PROTOCOL };
    const client = httpRequest({ method: "GET", path, headers, createConnection: () => socket });
    const timer = setTimeout(() => {
      fail(new NetError("PEER_TIMEOUT", `peer ${peer}: no answer within ${answerMs} ms`));
    }, answerMs).unref();
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    };
    const fail = (error: Error): void => {
      settle();
      socket.destroy();
      client.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    client.on("error", (cause) => {
      fail(new NetError("PEER_UNREACHABLE", `peer ${peer}: ${cause.message}`, { cause }));
    });
    client.once("close", () => {
      fail(new NetError("PEER_UNREACHABLE", `peer ${peer}: the session was closed`));
    });
    client.once("response", (answer) => {
      void refusalOf(peer, answer).then(fail);
    });
    client.once("upgrade", (_answer: IncomingMessage, stream: Duplex, head: Buffer) => {
      settle();
      client.removeAllListeners("close");
      if (head.length > 0) stream.unshift(head);
      // Nothing of node's listens for its errors any more; an error is always followed by close.
      stream.on("error", () => stream.destroy());
      resolve(stream);
    });
    client.end();
  });
}

async function refusalOf(peer: PeerId, answer: IncomingMessage): Promise<NetError> {
  const parts: Uint8Array[] = [];
  let lengthBytes = 0;
  try {
    for await (const part of answer as AsyncIterable<Uint8Array>) {
      lengthBytes += part.length;
      if (lengthBytes > REFUSAL_MAX_BYTES) break;
      parts.push(part);
    }
    const value: unknown = JSON.parse(Buffer.concat(parts).toString());
    const { code, message } = value as { code?: unknown; message?: unknown };
    const said = `${printable(code)}: ${printable(message)}`;
    return new NetError("PEER_REFUSED", `peer ${peer} refused the stream: ${said}`);
  } catch {
    const text = `peer ${peer} refused the stream with status ${answer.statusCode ?? 0}`;
    return new NetError("PEER_REFUSED", text);
  }
}

/** What a peer says, fit for a terminal. */
function printable(value: unknown): string {
  const text = typeof value === "string" ? value : "?";
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
}
