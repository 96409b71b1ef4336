import type { KnownPeer } from "../gateway/control.ts";
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
  /** The known peers; with `probe` each is asked whether it is there. */
  peers(probe: boolean, signal: AbortSignal): Promise<KnownPeer[]>;
  /** Adds peers to the list, or replaces their addresses, and keeps it. */
  addPeers(cards: readonly PeerCard[]): void;
  /** Closes everything, last opened first. */
  close(): Promise<void>;
}
