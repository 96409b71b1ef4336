import type { Reach } from "../gateway/reach.ts";
import type { HolderUsage } from "../shards/holder.ts";
import type { Holder } from "../ports/holder.ts";
import type { PeerCard } from "../ports/directory.ts";
import type { VolumeService } from "../volume/service.ts";

/** The parts of a peer, wired: it talks to other peers and serves them. */
export interface ComposedPeer {
  /** The TCP port on which peers are served. */
  port: number;
  volume: VolumeService;
  scrub: Holder["scrub"];
  usage(): HolderUsage;
  /** Its dealings with its swarm and its network. */
  reach: Reach;
  /** Adds peers to the list, or replaces their addresses, and keeps it. */
  addPeers(cards: readonly PeerCard[]): void;
  /** Closes everything, last opened first. */
  close(): Promise<void>;
}
