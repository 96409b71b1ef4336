import type { Duplex } from "node:stream";
import type { PeerId } from "../../base/id.ts";
import type { CarrierKind, Standing } from "../../ports/net.ts";

/** A proven, encrypted byte stream to a peer, ready for HTTP. */
export interface Session {
  /** Proven before the session exists. */
  readonly peer: PeerId;
  readonly socket: Duplex;
  readonly carrier: CarrierKind;
  readonly standing: Standing;
  /** `host:port` where the other side was seen; undefined where that is a relay's. */
  readonly address?: string;
}

/** One way to open sessions. Whatever goes wrong on a session ends in the socket's `close`: no
 * error of it may go uncaught, and bytes in flight are bounded by back-pressure. */
export interface Carrier {
  readonly kind: CarrierKind;
  /** Whether dialling `peer` can make sense now; cheap, no I/O. */
  mayReach(peer: PeerId): boolean;
  /** Opens a session to `peer` and proves that it is `peer`.
   * @throws NetError PEER_UNKNOWN | PEER_UNREACHABLE | PEER_IMPOSTOR | PEER_TIMEOUT */
  dial(peer: PeerId, signal: AbortSignal): Promise<Duplex>;
  /** Hands over every session that peers open to us; resolves when it is ready. */
  listen(take: (session: Session) => void): Promise<void>;
  /** Ends all sessions and everything that this carrier keeps open. */
  close(): Promise<void>;
}
