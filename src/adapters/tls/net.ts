import { createKnockGuard, createKnocker } from "./knock.ts";
import { idOf } from "../../base/id.ts";
import type { Net, PeerRequest } from "../../ports/net.ts";
import { NetError } from "../net-error.ts";
import { peerContext } from "./context.ts";
import { createDialler } from "./dial.ts";
import { exchange, StaleSession } from "./exchange.ts";
import { Listener } from "./listener.ts";
import { SESSION_BOUNDS, SESSION_TIMES, type TlsNetOptions } from "./options.ts";
import { ProgressWatch } from "./progress.ts";
import { SessionPool } from "./sessions.ts";

/** Opens the direct carrier: TCP, the knock, mutual TLS 1.3 over the peer keys, HTTP/1.1.
 * @see docs/protocol.md */
export function openTlsNet(options: TlsNetOptions): Net {
  const times = { ...SESSION_TIMES, ...options.times };
  const bounds = { ...SESSION_BOUNDS, ...options.bounds };
  const { key, swarmKey, clock, random, directory, log } = options;
  const context = peerContext(key);
  const watch = new ProgressWatch(times);
  const knock = createKnocker(swarmKey, clock, random);
  const dialler = createDialler({ directory, context, knock, connectMs: times.connectMs });
  const pool = new SessionPool(dialler, bounds, times.idleMs);
  const self = idOf(key.publicKey);
  let listener: Listener | undefined;

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
    async listen(handler) {
      if (listener !== undefined) throw new TypeError("this peer listens already");
      const isKnock = createKnockGuard(swarmKey, key.publicKey, clock);
      listener = new Listener({ context, isKnock, bounds, times, watch, log }, handler);
      return { port: await listener.listen(options.port ?? 0, options.host) };
    },
    async close() {
      pool.close();
      await listener?.close();
    },
  };
}

function isReplayable({ body }: PeerRequest): boolean {
  return body === undefined || body instanceof Uint8Array;
}
