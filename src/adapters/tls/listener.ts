import { createServer as createHttp, type Server as HttpServer } from "node:http";
import { createServer as createTcp, type Server as TcpServer, type Socket } from "node:net";
import { TLSSocket, type SecureContext } from "node:tls";
import { codeOf, messageOf } from "../../base/error.ts";
import type { PeerId } from "../../base/id.ts";
import type { Log } from "../../ports/log.ts";
import type { PeerHandler } from "../../ports/net.ts";
import { answerRequest } from "./answer.ts";
import { BlockBuffers } from "./body.ts";
import { provenPeer } from "./certificate.ts";
import { awaitKnock, HalfOpen } from "./gate.ts";
import type { SessionBounds, SessionTimes } from "./options.ts";
import type { ProgressWatch } from "./progress.ts";

export interface ListenerOptions {
  context: SecureContext;
  isKnock: (knock: Uint8Array) => boolean;
  bounds: SessionBounds;
  times: SessionTimes;
  watch: ProgressWatch;
  log: Log;
}

/** A session that a peer opened to us. */
interface Accepted {
  readonly peer: PeerId;
  readonly socket: TLSSocket;
  /** Requests that wait for their answer. */
  requestCount: number;
}

/** The side that is dialled: knock, then TLS on the same native handle, then HTTP. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #halfOpen: HalfOpen;
  readonly #tcp: TcpServer;
  readonly #http: HttpServer;
  readonly #buffers = new BlockBuffers();
  /** The session of each socket, the longest idle first. */
  readonly #accepted = new Map<Socket, Accepted>();

  constructor(options: ListenerOptions, handler: PeerHandler) {
    this.#options = options;
    this.#halfOpen = new HalfOpen(options.bounds);
    this.#http = this.#createHttp(handler);
    this.#tcp = createTcp({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Listens; rejects with the system's error where the port is taken. */
  listen(port: number, host: string | undefined): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#tcp.once("error", reject);
      this.#tcp.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        this.#tcp.off("error", reject);
        // Out of file descriptors, say: the listener stays, the next connection may do.
        this.#tcp.on("error", (error) => this.#log("warn", "net.listener", error));
        // Starts the timer for header deadlines, which a server without a port of its own lacks.
        this.#http.emit("listening");
        const address = this.#tcp.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#tcp.close(() => resolve());
    });
    this.#http.close(() => undefined);
    this.#halfOpen.destroyAll();
    for (const socket of this.#accepted.keys()) socket.destroy();
    await closed;
  }

  #createHttp(handler: PeerHandler): HttpServer {
    const { bounds, times, watch, log } = this.#options;
    const http = createHttp({
      maxHeaderSize: bounds.headersMaxBytes,
      headersTimeout: times.headersMs,
      // Bodies are bound by progress instead: a big one may take long, a trickling one not.
      requestTimeout: 0,
      connectionsCheckingInterval: Math.max(5, times.headersMs / 4),
      keepAliveTimeout: times.idleMs * 2,
      insecureHTTPParser: false,
    });
    http.maxHeadersCount = 64;
    const context = { handler, bounds, times, watch, buffers: this.#buffers, log };
    http.on("request", (request, response) => {
      const session = this.#accepted.get(request.socket);
      if (session === undefined || session.requestCount >= bounds.pipelinedMax) {
        request.socket.destroy();
        return;
      }
      session.requestCount++;
      void answerRequest(session.peer, request, response, context).finally(() => {
        session.requestCount--;
        this.#touch(session);
      });
    });
    http.on("clientError", (error, socket) => {
      if (socket.writable)
        socket.write(
          `HTTP/1.1 ${statusOf(error)}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`,
        );
      socket.destroy();
    });
    return http;
  }

  #accept(socket: Socket): void {
    // A connection that breaks is closed; there is nobody to tell.
    socket.on("error", () => socket.destroy());
    this.#halfOpen.enter(socket);
    const { isKnock, times } = this.#options;
    awaitKnock(socket, isKnock, times.handshakeMs, () => {
      try {
        this.#secure(socket);
      } catch (error) {
        this.#log("warn", "net.handshake", error);
        socket.destroy();
      }
    });
  }

  #secure(raw: Socket): void {
    const socket = new TLSSocket(raw, {
      isServer: true,
      secureContext: this.#options.context,
      requestCert: true,
      // Our own check below: the key is the identity, there is no authority and no name.
      rejectUnauthorized: false,
    });
    const deadline = setTimeout(() => socket.destroy(), this.#options.times.handshakeMs).unref();
    socket.once("close", () => {
      clearTimeout(deadline);
      raw.destroy();
    });
    socket.on("error", () => socket.destroy());
    socket.once("secure", () => {
      clearTimeout(deadline);
      this.#halfOpen.leave(raw);
      const peer = provenPeer(socket);
      if (peer === undefined || !this.#makeRoom(peer)) socket.destroy();
      else this.#serve(peer, socket);
    });
  }

  #serve(peer: PeerId, socket: TLSSocket): void {
    this.#accepted.set(socket, { peer, socket, requestCount: 0 });
    // Every request in flight listens for the end; a flood of them ends the session first.
    socket.setMaxListeners(this.#options.bounds.pipelinedMax * 2);
    socket.once("close", () => this.#accepted.delete(socket));
    this.#http.emit("connection", socket);
  }

  /** Whether another session of `peer` fits; an idle one gives way if need be. */
  #makeRoom(peer: PeerId): boolean {
    const { acceptedMax, acceptedPerPeerMax } = this.#options.bounds;
    const ofPeer = [...this.#accepted.values()].filter((session) => session.peer === peer);
    if (ofPeer.length >= acceptedPerPeerMax) return dropIdle(ofPeer);
    return this.#accepted.size < acceptedMax || dropIdle(this.#accepted.values());
  }

  /** Keeps the map in the order of use. */
  #touch(session: Accepted): void {
    if (this.#accepted.delete(session.socket) && !session.socket.destroyed) {
      this.#accepted.set(session.socket, session);
    }
  }

  #log(level: "debug" | "warn", event: string, error: unknown): void {
    this.#options.log.write(level, event, { reason: messageOf(error) });
  }
}

function dropIdle(sessions: Iterable<Accepted>): boolean {
  for (const { socket, requestCount } of sessions) {
    if (requestCount > 0) continue;
    socket.destroy();
    return true;
  }
  return false;
}

function statusOf(error: Error): string {
  const code = codeOf(error);
  if (code === "HPE_HEADER_OVERFLOW") return "431 Request Header Fields Too Large";
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return "408 Request Timeout";
  return "400 Bad Request";
}
