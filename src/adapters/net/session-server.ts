import { createServer as createHttp, type Server as HttpServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { codeOf } from "../../base/error.ts";
import type { PeerId } from "../../base/id.ts";
import type { Log } from "../../ports/log.ts";
import type { CarrierKind, PeerHandler } from "../../ports/net.ts";
import { answerRequest } from "./answer.ts";
import { BlockBuffers } from "./body.ts";
import type { Session } from "./carrier.ts";
import type { SessionBounds, SessionTimes } from "./options.ts";
import type { ProgressWatch } from "./progress.ts";
import type { Upgrades } from "./upgrade.ts";

export interface SessionServerOptions {
  bounds: SessionBounds;
  times: SessionTimes;
  watch: ProgressWatch;
  log: Log;
  upgrades: Upgrades;
  /** Whether a peer is served at all, asked again for every request. */
  admits: (peer: PeerId) => boolean;
}

/** A session that a peer opened to us. */
interface Accepted {
  readonly session: Session;
  /** Requests that wait for their answer; a stream counts as one. */
  requestCount: number;
  /** It ends as soon as nothing is in flight. */
  retired: boolean;
}

/** HTTP/1.1 over the sessions of all carriers. */
export class SessionServer {
  readonly #options: SessionServerOptions;
  readonly #http: HttpServer;
  /** For sessions that are not direct, which may idle for longer. */
  readonly #quietHttp: HttpServer;
  readonly #buffers = new BlockBuffers();
  /** The session of each socket, the longest idle first. */
  readonly #accepted = new Map<Duplex, Accepted>();
  /** Sessions that have become streams, and whose they are. */
  readonly #streams = new Map<Duplex, PeerId>();

  constructor(options: SessionServerOptions, handler: PeerHandler) {
    this.#options = options;
    const { idleMs, quietIdleMs } = options.times;
    this.#http = this.#createHttp(handler, idleMs * 2);
    this.#quietHttp = this.#createHttp(handler, quietIdleMs * 2);
  }

  /** Serves a session until it closes; refuses it where there is no room. */
  serve(session: Session): void {
    const { peer, socket } = session;
    if (!this.#options.admits(peer) || !this.#makeRoom(peer)) {
      socket.destroy();
      return;
    }
    this.#accepted.set(socket, { session, requestCount: 0, retired: false });
    // Every request in flight listens for the end; a flood of them ends the session first.
    socket.setMaxListeners(this.#options.bounds.pipelinedMax * 2);
    socket.once("close", () => this.#accepted.delete(socket));
    const http = session.carrier === "direct" ? this.#http : this.#quietHttp;
    http.emit("connection", socket);
  }

  /** Ends every session as soon as nothing is in flight on it: whoever comes again proves again
   * what it knows of the swarm. */
  retire(): void {
    for (const [socket, accepted] of this.#accepted) {
      accepted.retired = true;
      if (accepted.requestCount === 0) socket.destroy();
    }
  }

  /** The best carrier of the sessions that `peer` opened. */
  carrierOf(peer: PeerId): CarrierKind | undefined {
    const accepted = [...this.#accepted.values()].find(({ session }) => session.peer === peer);
    if (accepted !== undefined) return accepted.session.carrier;
    return [...this.#streams.values()].includes(peer) ? "direct" : undefined;
  }

  close(): void {
    this.#http.close(() => undefined);
    this.#quietHttp.close(() => undefined);
    for (const socket of this.#accepted.keys()) socket.destroy();
    for (const socket of this.#streams.keys()) socket.destroy();
  }

  #createHttp(handler: PeerHandler, keepAliveTimeout: number): HttpServer {
    const { bounds, times, watch, log, upgrades } = this.#options;
    const http = createHttp({
      maxHeaderSize: bounds.headersMaxBytes,
      headersTimeout: times.headersMs,
      // Bodies are bound by progress instead: a big one may take long, a trickling one not.
      requestTimeout: 0,
      connectionsCheckingInterval: Math.max(5, times.headersMs / 4),
      keepAliveTimeout,
      insecureHTTPParser: false,
    });
    http.maxHeadersCount = 64;
    const context = { handler, bounds, times, watch, buffers: this.#buffers, log };
    http.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const accepted = this.#busy(request.socket);
      if (accepted === undefined) return;
      void answerRequest(accepted.session, request, response, context).finally(() =>
        this.#done(accepted),
      );
    });
    http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // Nothing of node's listens for the socket's errors any more.
      socket.on("error", () => socket.destroy());
      const accepted = this.#busy(socket);
      if (accepted === undefined) return;
      if (head.length > 0) socket.unshift(head);
      if (!this.#toStream(accepted.session)) return;
      void upgrades.take(accepted.session, request.url ?? "/", socket, log);
    });
    http.on("clientError", (error, socket) => {
      if (socket.writable)
        socket.write(
          `HTTP/1.1 ${statusOf(error)}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`,
        );
      socket.destroy();
    });
    // Starts the timer for header deadlines, which a server without a port of its own lacks.
    http.emit("listening");
    return http;
  }

  /** The stream has the session for good: it closes with it. */
  #toStream({ peer, socket }: Session): boolean {
    const { streamsMax, streamsPerPeerMax } = this.#options.bounds;
    const ofPeer = [...this.#streams.values()].filter((each) => each === peer).length;
    this.#accepted.delete(socket);
    if (this.#streams.size >= streamsMax || ofPeer >= streamsPerPeerMax) {
      socket.destroy();
      return false;
    }
    this.#streams.set(socket, peer);
    socket.once("close", () => this.#streams.delete(socket));
    return true;
  }

  /** Counts a request in, or ends the session that may not have it. */
  #busy(socket: Duplex): Accepted | undefined {
    const { bounds, admits } = this.#options;
    const accepted = this.#accepted.get(socket);
    const isRefused =
      accepted === undefined ||
      accepted.retired ||
      accepted.requestCount >= bounds.pipelinedMax ||
      !admits(accepted.session.peer);
    if (isRefused) {
      socket.destroy();
      return undefined;
    }
    accepted.requestCount++;
    return accepted;
  }

  /** Keeps the map in the order of use. */
  #done(accepted: Accepted): void {
    const { socket } = accepted.session;
    accepted.requestCount--;
    if (!this.#accepted.delete(socket) || socket.destroyed) return;
    this.#accepted.set(socket, accepted);
    if (accepted.retired && accepted.requestCount === 0) socket.end();
  }

  /** Whether another session of `peer` fits. If need be an idle one gives way, then one of the peer
   * that has most: else a few members could keep all others out. */
  #makeRoom(peer: PeerId): boolean {
    const { acceptedMax, acceptedPerPeerMax } = this.#options.bounds;
    const ofPeer = [...this.#accepted.values()].filter(({ session }) => session.peer === peer);
    if (ofPeer.length >= acceptedPerPeerMax) return dropIdle(ofPeer);
    const hasRoom = this.#accepted.size < acceptedMax || dropIdle(this.#accepted.values());
    return hasRoom || dropOfMost([...this.#accepted.values()], ofPeer.length);
  }
}

function dropIdle(sessions: Iterable<Accepted>): boolean {
  for (const { session, requestCount } of sessions) {
    if (requestCount > 0) continue;
    session.socket.destroy();
    return true;
  }
  return false;
}

/** Ends the longest unused session of the peer that has most, if it has more than a newcomer that
 * has `ownCount` would have then. */
function dropOfMost(sessions: readonly Accepted[], ownCount: number): boolean {
  const byPeer = Map.groupBy(sessions, ({ session }) => session.peer);
  const [most = []] = [...byPeer.values()].sort((a, b) => b.length - a.length);
  if (most.length <= ownCount + 1) return false;
  most[0]?.session.socket.destroy();
  return true;
}

function statusOf(error: Error): string {
  const code = codeOf(error);
  if (code === "HPE_HEADER_OVERFLOW") return "431 Request Header Fields Too Large";
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return "408 Request Timeout";
  return "400 Bad Request";
}
