import type { Duplex } from "node:stream";
import type { PeerId } from "../../base/id.ts";
import type { CarrierKind } from "../../ports/net.ts";
import { NetError } from "../net-error.ts";
import type { SessionBounds, SessionTimes } from "./options.ts";
import { rankOf, type Dialler, type Opened } from "./race.ts";

/** Requests to one peer that wait for a session. */
const WAITING_MAX = 4_096;
/** After one more session to a peer could not be opened, the next is tried so much later. */
const ENOUGH_MS = 2_000;

/** A session lent for one request. */
export interface Lease {
  socket: Duplex;
  /** It served a request before: the other side may have closed it meanwhile. */
  reused: boolean;
}

interface Waiter {
  resolve: (lease: Lease | Promise<Lease>) => void;
  reject: (error: Error) => void;
  signal: AbortSignal;
}

interface PeerSessions {
  readonly idle: Duplex[];
  readonly waiting: Waiter[];
  /** The open sessions and how each runs. */
  readonly open: Map<Duplex, CarrierKind>;
  /** Sessions that are being dialled. */
  dialling: number;
  /** No more are dialled beside those that are open, until then: the last try did not succeed. */
  enoughUntilMs: number;
  /** The next look for a better carrier. */
  retry: { timer: NodeJS.Timeout; afterMs: number } | undefined;
}

/** The sessions that we dialled, pooled by peer id. */
export class SessionPool {
  readonly #dialler: Dialler;
  readonly #bounds: SessionBounds;
  readonly #times: SessionTimes;
  readonly #peers = new Map<PeerId, PeerSessions>();
  /** Idle sessions of all peers, the longest idle first. */
  readonly #idle = new Set<Duplex>();
  /** Each idle session is closed when its time is over. */
  readonly #timers = new Map<Duplex, NodeJS.Timeout>();
  /** Sessions that end after the request that is in flight on them. */
  readonly #retired = new WeakSet<Duplex>();
  readonly #closing = new AbortController();
  #openCount = 0;
  #waitingCount = 0;

  constructor(dialler: Dialler, bounds: SessionBounds, times: SessionTimes) {
    this.#dialler = dialler;
    this.#bounds = bounds;
    this.#times = times;
  }

  /** The best carrier of the sessions that are open to `peer`. */
  carrierOf(peer: PeerId): CarrierKind | undefined {
    const sessions = this.#peers.get(peer);
    return sessions === undefined ? undefined : bestOf(sessions);
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
  release(peer: PeerId, socket: Duplex): void {
    if (socket.destroyed || this.#retired.has(socket) || this.#closing.signal.aborted) {
      socket.destroy();
      return;
    }
    const sessions = this.#sessionsOf(peer);
    const waiter = this.#nextWaiter(sessions);
    if (waiter !== undefined) {
      waiter.resolve({ socket, reused: true });
      return;
    }
    const best = bestOf(sessions);
    if (best !== undefined && rankOf(sessions.open.get(socket) ?? "relayed") > rankOf(best)) {
      // A better carrier has come meanwhile.
      socket.destroy();
      return;
    }
    this.#idleAway(sessions, socket);
    this.#serveWaiting();
  }

  /** A peer got through to us over `carrier`: if we reach it over a worse one, better ones are
   * tried at once. */
  wayFound(peer: PeerId, carrier: CarrierKind): void {
    const sessions = this.#peers.get(peer);
    const best = sessions === undefined ? undefined : bestOf(sessions);
    if (sessions?.retry === undefined || best === undefined) return;
    if (rankOf(carrier) >= rankOf(best)) return;
    clearTimeout(sessions.retry.timer);
    void this.#retry(peer, sessions, this.#times.betterMs);
  }

  /** Ends every open session as soon as nothing is in flight on it. */
  retire(): void {
    for (const { open } of this.#peers.values()) {
      for (const socket of open.keys()) this.#retired.add(socket);
    }
    for (const socket of this.#idle) socket.destroy();
  }

  close(): void {
    this.#closing.abort(new NetError("PEER_UNREACHABLE", "this peer's sessions are closed"));
    for (const { waiting, open, retry } of this.#peers.values()) {
      clearTimeout(retry?.timer);
      for (const socket of open.keys()) socket.destroy();
      for (const waiter of waiting.splice(0)) waiter.reject(this.#closingError());
    }
  }

  #closingError(): Error {
    return new NetError("PEER_UNREACHABLE", "this peer's sessions are closed");
  }

  #sessionsOf(peer: PeerId): PeerSessions {
    let sessions = this.#peers.get(peer);
    if (sessions === undefined) {
      sessions = {
        idle: [],
        waiting: [],
        open: new Map(),
        dialling: 0,
        enoughUntilMs: 0,
        retry: undefined,
      };
      this.#peers.set(peer, sessions);
    }
    return sessions;
  }

  #idleAway(sessions: PeerSessions, socket: Duplex): void {
    sessions.idle.push(socket);
    this.#idle.add(socket);
    // Bytes that nobody asked for would become the answer to the next request.
    socket.on("data", destroyThis);
    this.#idleFor(sessions, socket, this.#times.idleMs);
    socket.resume();
  }

  /** Closes a session that has idled for so long; the last one to a peer that is not reached
   * directly stays longer, since opening another may take hundreds of datagrams. */
  #idleFor(sessions: PeerSessions, socket: Duplex, durationMs: number): void {
    const { idleMs, quietIdleMs } = this.#times;
    const onIdle = (): void => {
      const isDear = sessions.open.get(socket) !== "direct" && sessions.open.size === 1;
      if (durationMs > idleMs || !isDear) socket.destroy();
      else this.#idleFor(sessions, socket, Math.max(quietIdleMs - idleMs, idleMs + 1));
    };
    this.#timers.set(socket, setTimeout(onIdle, durationMs).unref());
  }

  #wake(socket: Duplex): Duplex {
    this.#idle.delete(socket);
    socket.off("data", destroyThis);
    clearTimeout(this.#timers.get(socket));
    this.#timers.delete(socket);
    return socket;
  }

  #mayDial(sessions: PeerSessions): boolean {
    if (sessions.open.size + sessions.dialling >= this.#bounds.dialledPerPeerMax) return false;
    if (sessions.open.size > 0 && performance.now() < sessions.enoughUntilMs) return false;
    if (this.#openCount < this.#bounds.dialledMax) return true;
    // A session that idles gives its place to one that is wanted.
    for (const socket of this.#idle) {
      this.#idle.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  }

  /** Dials another session, none over a worse carrier than those that are open. Where that does
   * not succeed, one of them becomes free some time. */
  async #dial(peer: PeerId, sessions: PeerSessions, signal: AbortSignal): Promise<Lease> {
    const best = bestOf(sessions);
    try {
      return await this.#dialAtWorst(peer, sessions, best ?? "relayed", signal);
    } catch (error) {
      const isOver = signal.aborted || this.#closing.signal.aborted;
      if (best === undefined || isOver || sessions.open.size === 0) throw error;
      sessions.enoughUntilMs = performance.now() + ENOUGH_MS;
      return this.#wait(sessions, signal);
    }
  }

  async #dialAtWorst(
    peer: PeerId,
    sessions: PeerSessions,
    atWorst: CarrierKind,
    signal: AbortSignal,
  ): Promise<Lease> {
    sessions.dialling++;
    this.#openCount++;
    try {
      const either = AbortSignal.any([signal, this.#closing.signal]);
      const onBetter = (opened: Opened): void => this.#adopt(peer, opened);
      const opened = await this.#dialler.dial(peer, atWorst, onBetter, either);
      this.#enter(peer, sessions, opened);
      return { socket: opened.socket, reused: false };
    } finally {
      sessions.dialling--;
      this.#openCount--;
      this.#tidy(peer, sessions);
      this.#serveWaiting();
    }
  }

  /** Counts an open session in until it closes. */
  #enter(peer: PeerId, sessions: PeerSessions, { socket, carrier }: Opened): void {
    sessions.open.set(socket, carrier);
    this.#openCount++;
    socket.once("close", () => {
      this.#openCount--;
      sessions.open.delete(socket);
      this.#idle.delete(socket);
      clearTimeout(this.#timers.get(socket));
      this.#timers.delete(socket);
      const index = sessions.idle.indexOf(socket);
      if (index >= 0) sessions.idle.splice(index, 1);
      this.#tidy(peer, sessions);
      this.#serveWaiting();
    });
    if (carrier !== "direct") this.#retryLater(peer, sessions, this.#times.betterMs);
  }

  #tidy(peer: PeerId, sessions: PeerSessions): void {
    if (sessions.open.size + sessions.dialling + sessions.waiting.length > 0) return;
    clearTimeout(sessions.retry?.timer);
    sessions.retry = undefined;
    if (this.#peers.get(peer) === sessions) this.#peers.delete(peer);
  }

  /** Takes a session over a better carrier in: idle ones over worse carriers end now, busy ones
   * after their request. */
  #adopt(peer: PeerId, opened: Opened): void {
    if (this.#closing.signal.aborted) {
      opened.socket.destroy();
      return;
    }
    const sessions = this.#sessionsOf(peer);
    this.#enter(peer, sessions, opened);
    for (const socket of [...sessions.idle]) {
      const kind = sessions.open.get(socket) ?? "relayed";
      if (rankOf(kind) > rankOf(opened.carrier)) socket.destroy();
    }
    const waiter = this.#nextWaiter(sessions);
    if (waiter === undefined) this.#idleAway(sessions, opened.socket);
    else waiter.resolve({ socket: opened.socket, reused: true });
  }

  /** While sessions run over a worse carrier, the better ones are tried again. */
  #retryLater(peer: PeerId, sessions: PeerSessions, afterMs: number): void {
    if (sessions.retry !== undefined) return;
    const timer = setTimeout(() => void this.#retry(peer, sessions, afterMs), afterMs).unref();
    sessions.retry = { timer, afterMs };
  }

  async #retry(peer: PeerId, sessions: PeerSessions, afterMs: number): Promise<void> {
    const best = bestOf(sessions);
    sessions.retry = undefined;
    if (best === undefined || best === "direct" || this.#closing.signal.aborted) return;
    try {
      const opened = await this.#dialler.dialBetter(peer, best, this.#closing.signal);
      if (opened !== undefined) return this.#adopt(peer, opened);
    } catch {
      // Only closing ends it so.
      return;
    }
    this.#retryLater(peer, sessions, Math.min(afterMs * 2, this.#times.betterMaxMs));
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

function bestOf(sessions: PeerSessions): CarrierKind | undefined {
  let best: CarrierKind | undefined;
  for (const kind of sessions.open.values()) {
    if (best === undefined || rankOf(kind) < rankOf(best)) best = kind;
  }
  return best;
}

function destroyThis(this: Duplex): void {
  this.destroy();
}
