import { codeOf } from "../base/error.ts";
import type { PeerId } from "../base/id.ts";
import type { Clock } from "../ports/clock.ts";
import type { Net } from "../ports/net.ts";
import type { Roster } from "./roster.ts";

/** Whoever else wants to know which peers answer. */
export interface AnswerListener {
  answered(peer: PeerId): void;
  failed(peer: PeerId): void;
}

/** A Net that tells the roster, and the book where there is one, how every request went. A request
 * that the caller gave up says nothing about the peer. */
export function observedNet(net: Net, roster: Roster, clock: Clock, book?: AnswerListener): Net {
  return {
    async request(peer, request, signal) {
      const started = clock.monotonicMs();
      try {
        const response = await net.request(peer, request, signal);
        const sentBytes = request.body instanceof Uint8Array ? request.body.length : 0;
        const bytes = sentBytes + response.body.length;
        roster.succeeded(peer, clock.monotonicMs() - started, bytes);
        book?.answered(peer);
        return response;
      } catch (error) {
        if (!signal.aborted && codeOf(error)?.startsWith("PEER_") === true) {
          roster.failed(peer, clock.monotonicMs() - started);
          book?.failed(peer);
        }
        throw error;
      }
    },
    open: (peer, path, signal) => net.open(peer, path, signal),
    listen: (handler, streams) => net.listen(handler, streams),
    carrierOf: (peer) => net.carrierOf(peer),
    close: () => net.close(),
  };
}
