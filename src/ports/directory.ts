import type { Id, PeerId } from "../base/id.ts";

/** What a publicly reachable peer does for others: it carries sessions of peers that cannot reach
 * each other; it is a discovery server. */
export type PeerRole = "relay" | "tracker";

/** Where a peer can be reached and what it offers, signed by itself once peers exchange cards. */
export interface PeerCard {
  id: PeerId;
  /** `host:port`, IPv6 in brackets. */
  addresses: readonly string[];
  /** Bytes offered to others, 0 for a peer that only consumes. */
  offeredBytes: number;
  /** Failure domain: peers of one site count once. */
  site?: string;
  /** `host:port` (UDP) of the DHT nodes that it runs for others; none where it is behind a
   * router. */
  bootstrap?: readonly string[];
  roles?: readonly PeerRole[];
}

/** Whatever answers "who is there", "where is peer P" and "who has X". It may lie; what it says is
 * checked by the session's key and the content's hash. */
export interface Directory {
  /** All peers known here, bounded. */
  peers(): readonly PeerCard[];
  /** Where a peer can be reached, or undefined. */
  find(peer: PeerId): PeerCard | undefined;
  /** Peers that may have `topic` (a shard id or a record's topic). */
  lookup(topic: Id, signal: AbortSignal): Promise<readonly PeerId[]>;
  /** Says that this peer has `topic`. */
  announce(topic: Id, signal: AbortSignal): Promise<void>;
}
