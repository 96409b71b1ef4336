import type { TLSSocket } from "node:tls";
import type { PeerId } from "../../base/id.ts";
import { NetError } from "../net-error.ts";
import type { Dialler } from "./dial.ts";
import type { SessionBounds } from "./options.ts";

/** Requests to one peer that wait for a session. */
const WAITING_MAX = 4_096;

/** A session lent for one request. */
export interface Lease {
  socket: TLSSocket;
  /** It served a request before: the other side may have closed it meanwhile. */
  reused: boolean;
}

interface Waiter {
  resolve: (lease: Lease | Promise<Lease>) => void;
  reject: (error: Error) => void;
  signal: AbortSignal;
}

interface PeerSessions {
  readonly idle: TLSSocket[];
  readonly waiting: Waiter[];
  /** Sessions that are open or being dialled, idle ones included. */
  openCount: number;
}

/** The sessions that we dialled, pooled by peer id. */
export class SessionPool {
  readonly #dialler: Dialler;
  readonly #bounds: SessionBounds;
  readonly #idleMs: number;
  readonly #peers = new Map<PeerId, PeerSessions>();
  /** Idle sessions of all peers, the longest idle first. */
  readonly #idle = new Set<TLSSocket>();
  readonly #open = new Set<TLSSocket>();
  readonly #closing = new AbortController();
  #openCount = 0;
  #waitingCount = 0;

  constructor(dialler: Dialler, bounds: SessionBounds, idleMs: number) {
    this.#dialler = dialler;
    this.#bounds = bounds;
    this.#idleMs = idleMs;
  }

  /** Lends an idle session, dials a new one, or waits for one within the bounds.
   * @throws what the dialler throws */
  async acquire(peer: PeerId, signal: AbortSignal): Promise<Lease> {
    signal.throwIfAborted();
    this.#closing.signal.throwIfAborted();
    const sessions = this.#sessionsOf(peer);
    for (let socket = sessions.idle.pop(); socket !== undefined; socket = sessions.idle.pop()) {
      if (!socket.destroyed) return { socket: this.#wake(socket), reused: true };
    }
    if (this.#mayDial(sessions)) return this.#dial(peer, sessions, signal);
    if (sessions.waiting.length >= WAITING_MAX) {
      throw new NetError("PEER_UNREACHABLE", `peer ${peer}: ${WAITING_MAX} requests wait for it`);
    }
    return this.#wait(sessions, signal);
  }

  /** Takes a session back after a whole exchange. */
  release(peer: PeerId, socket: TLSSocket): void {
    if (socket.destroyed || this.#closing.signal.aborted) {
      socket.destroy();
      return;
    }
    const sessions = this.#sessionsOf(peer);
    const waiter = this.#nextWaiter(sessions);
    if (waiter !== undefined) {
      waiter.resolve({ socket, reused: true });
      return;
    }
    sessions.idle.push(socket);
    this.#idle.add(socket);
    // Bytes that nobody asked for would become the answer to the next request.
    socket.on("data", destroyThis);
    socket.setTimeout(this.#idleMs, destroyThis);
    socket.resume();
    this.#serveWaiting();
  }

  close(): void {
    this.#closing.abort(new NetError("PEER_UNREACHABLE", "this peer's sessions are closed"));
    for (const socket of this.#open) socket.destroy();
    for (const { waiting } of this.#peers.values()) {
      for (const waiter of waiting.splice(0)) waiter.reject(this.#closingError());
    }
  }

  #closingError(): Error {
    return new NetError("PEER_UNREACHABLE", "this peer's sessions are closed");
  }

  #sessionsOf(peer: PeerId): PeerSessions {
    let sessions = this.#peers.get(peer);
    if (sessions === undefined) {
      sessions = { idle: [], waiting: [], openCount: 0 };
      this.#peers.set(peer, sessions);
    }
    return sessions;
  }

  #wake(socket: TLSSocket): TLSSocket {
    this.#idle.delete(socket);
    socket.off("data", destroyThis);
    socket.setTimeout(0, destroyThis);
    return socket;
  }

  #mayDial(sessions: PeerSessions): boolean {
    if (sessions.openCount >= this.#bounds.dialledPerPeerMax) return false;
    if (this.#openCount < this.#bounds.dialledMax) return true;
    // A session that idles gives its place to one that is wanted.
    for (const socket of this.#idle) {
      this.#idle.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  }

  async #dial(peer: PeerId, sessions: PeerSessions, signal: AbortSignal): Promise<Lease> {
    sessions.openCount++;
    this.#openCount++;
    const onClosed = (socket?: TLSSocket): void => {
      sessions.openCount--;
      this.#openCount--;
      if (socket !== undefined) {
        this.#open.delete(socket);
        this.#idle.delete(socket);
        const index = sessions.idle.indexOf(socket);
        if (index >= 0) sessions.idle.splice(index, 1);
      }
      if (sessions.openCount === 0 && sessions.waiting.length === 0) this.#peers.delete(peer);
      this.#serveWaiting();
    };
    try {
      const either = AbortSignal.any([signal, this.#closing.signal]);
      const socket = await this.#dialler.dial(peer, either);
      this.#open.add(socket);
      socket.once("close", () => onClosed(socket));
      return { socket, reused: false };
    } catch (error) {
      onClosed();
      throw error;
    }
  }

  #wait(sessions: PeerSessions, signal: AbortSignal): Promise<Lease> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        signal,
        resolve: (lease) => {
          signal.removeEventListener("abort", onAbort);
          resolve(lease);
        },
        reject,
      };
      const onAbort = (): void => {
        const index = sessions.waiting.indexOf(waiter);
        if (index >= 0) {
          sessions.waiting.splice(index, 1);
          this.#waitingCount--;
        }
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      sessions.waiting.push(waiter);
      this.#waitingCount++;
    });
  }

  #nextWaiter(sessions: PeerSessions): Waiter | undefined {
    const waiter = sessions.waiting.shift();
    if (waiter !== undefined) this.#waitingCount--;
    return waiter;
  }

  /** A place became free: whoever waits may dial. */
  #serveWaiting(): void {
    if (this.#waitingCount === 0 || this.#closing.signal.aborted) return;
    for (const [peer, sessions] of this.#peers) {
      while (sessions.waiting.length > 0 && this.#mayDial(sessions)) {
        const waiter = this.#nextWaiter(sessions);
        waiter?.resolve(this.#dial(peer, sessions, waiter.signal));
      }
    }
  }
}

function destroyThis(this: TLSSocket): void {
  this.destroy();
}
