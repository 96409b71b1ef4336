import type { PeerId } from "../../base/id.ts";
import type { Log } from "../../ports/log.ts";
import type { Net, PeerRequest, StreamHandler } from "../../ports/net.ts";
import { NetError } from "../net-error.ts";
import type { Carrier } from "./carrier.ts";
import { exchange, StaleSession } from "./exchange.ts";
import type { SessionBounds, SessionTimes } from "./options.ts";
import { SessionPool } from "./pool.ts";
import { ProgressWatch } from "./progress.ts";
import { createRace, rankOf } from "./race.ts";
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
      for (let attempt = 0; ; attempt++) {
        const lease = await pool.acquire(peer, signal);
        if (signal.aborted) {
          pool.release(peer, lease.socket);
          signal.throwIfAborted();
        }
        const onFree = (): void => pool.release(peer, lease.socket);
        try {
          const { headersMaxBytes } = bounds;
          return await exchange(peer, request, lease, { watch, headersMaxBytes, onFree }, signal);
        } catch (error) {
          if (!(error instanceof StaleSession)) throw error;
          if (attempt >= bounds.dialledPerPeerMax || !isReplayable(request)) {
            const text = `peer ${peer}: the session was closed before an answer came`;
            throw new NetError("PEER_UNREACHABLE", text, { cause: error });
          }
        }
      }
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
      await Promise.all(carriers.map((each) => each.listen((session) => serving.serve(session))));
      return { port: options.port() };
    },
    carrierOf(peer) {
      const stream = upgrades.isOpen(peer) ? ("direct" as const) : undefined;
      const kinds = [pool.carrierOf(peer), server?.carrierOf(peer), stream];
      const open = kinds.filter((kind) => kind !== undefined);
      return open.toSorted((a, b) => rankOf(a) - rankOf(b))[0];
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

function everybody(): boolean {
  return true;
}

function isReplayable({ body }: PeerRequest): boolean {
  return body === undefined || body instanceof Uint8Array;
}
