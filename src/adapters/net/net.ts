import type { PeerId } from "../../base/id.ts";
import type { Log } from "../../ports/log.ts";
import type { Net, PeerRequest, PeerResponse, StreamHandler } from "../../ports/net.ts";
import { NetError } from "../net-error.ts";
import type { Carrier, Session } from "./carrier.ts";
import { exchange, StaleSession } from "./exchange.ts";
import type { SessionBounds, SessionTimes } from "./options.ts";
import { SessionPool } from "./pool.ts";
import { ProgressWatch } from "./progress.ts";
import { createRace } from "./race.ts";
import { SessionServer } from "./session-server.ts";
import { OpenStreams } from "./stream.ts";
import type { Upgrades } from "./upgrade.ts";

/** What `openNet` needs. */
export interface NetOptions {
  self: PeerId;
  /** In the order of preference; they are closed with the net. */
  carriers: readonly Carrier[];
  upgrades: Upgrades;
  /** The port of the direct carrier, once it listens. */
  port: () => number;
  log: Log;
  times: SessionTimes;
  bounds: SessionBounds;
  /** Whether a peer is served at all; all are without it. */
  admits?: (peer: PeerId) => boolean;
}

/** A Net over carriers. */
export interface CarrierNet extends Net {
  /** Ends all sessions, each as soon as nothing is in flight on it: whoever comes again, we too,
   * proves again what it knows of the swarm. */
  retire(): void;
}

/** Puts carriers together: one pool of dialled sessions, one HTTP server for accepted ones.
 * @see docs/reach.md */
export function openNet(options: NetOptions): CarrierNet {
  const { self, carriers, upgrades, log, times, bounds, admits = everybody } = options;
  const watch = new ProgressWatch(times);
  const pool = new SessionPool(createRace(carriers, times, bounds), bounds, times);
  let server: SessionServer | undefined;
  const streams = new OpenStreams();

  return {
    async request(peer, request, signal) {
      if (peer === self) throw new NetError("PEER_UNKNOWN", "a peer has no session with itself");
      return ask(pool, watch, bounds, peer, request, signal);
    },
    async open(peer, path, signal) {
      if (peer === self) throw new NetError("PEER_UNKNOWN", "a peer has no session with itself");
      return streams.enter(peer, await upgrades.open(peer, path, signal));
    },
    async listen(handler, streamHandler) {
      if (server !== undefined) throw new TypeError("this peer listens already");
      const serving = new SessionServer({ bounds, times, watch, log, upgrades, admits }, handler);
      server = serving;
      if (streamHandler !== undefined) upgrades.serve("/", takerOf(streamHandler, streams));
      const take = (session: Session): void => {
        serving.serve(session);
        // Where the peer gets through to us, we may get through to it now.
        pool.wayFound(session.peer, session.carrier);
      };
      await Promise.all(carriers.map((each) => each.listen(take)));
      return { port: options.port() };
    },
    carrierOf(peer) {
      // What we ask it over says more than what it asks us over.
      const stream = upgrades.isOpen(peer) ? ("direct" as const) : undefined;
      return pool.carrierOf(peer) ?? server?.carrierOf(peer) ?? stream;
    },
    retire() {
      pool.retire();
      server?.retire();
    },
    async close() {
      pool.close();
      streams.close();
      upgrades.close();
      server?.close();
      await Promise.all(carriers.map((carrier) => carrier.close()));
    },
  };
}

/** Streams that the port's handler decides about. */
function takerOf(handler: StreamHandler, streams: OpenStreams): Parameters<Upgrades["serve"]>[1] {
  return async ({ path, ...from }) => {
    const url = new URL(path, "http://peer");
    const taken = await handler({
      ...from,
      carrier: "direct",
      method: "GET",
      path: url.pathname,
      query: url.searchParams,
      headers: {},
    });
    if (typeof taken !== "function") return taken;
    return (socket) => taken(streams.enter(from.peer, socket));
  };
}

/** One request over a session of the pool, and again over another where that one was closed
 * meanwhile. */
async function ask(
  pool: SessionPool,
  watch: ProgressWatch,
  { headersMaxBytes, dialledPerPeerMax }: SessionBounds,
  peer: PeerId,
  request: PeerRequest,
  signal: AbortSignal,
): Promise<PeerResponse> {
  for (let attempt = 0; ; attempt++) {
    const lease = await pool.acquire(peer, signal);
    if (signal.aborted) {
      pool.release(peer, lease.socket);
      signal.throwIfAborted();
    }
    const onFree = (): void => pool.release(peer, lease.socket);
    try {
      return await exchange(peer, request, lease, { watch, headersMaxBytes, onFree }, signal);
    } catch (error) {
      if (!(error instanceof StaleSession)) throw error;
      if (attempt >= dialledPerPeerMax || !isReplayable(request)) {
        const text = `peer ${peer}: the session was closed before an answer came`;
        throw new NetError("PEER_UNREACHABLE", text, { cause: error });
      }
    }
  }
}

function everybody(): boolean {
  return true;
}

function isReplayable({ body }: PeerRequest): boolean {
  return body === undefined || body instanceof Uint8Array;
}
