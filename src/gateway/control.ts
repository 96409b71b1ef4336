import type { PeerCard } from "../ports/directory.ts";
import type { ScrubReport } from "../ports/holder.ts";
import type { HolderUsage } from "../shards/holder.ts";
import type { PeerDetail } from "./reach.ts";

/** Which program this is and whose. */
export interface About {
  version: string;
  pid: number;
  home: string;
  peer: string;
  account: string;
  port: number;
  startedAt: string;
}

/** A peer of the list, and what is known of it. `reachable` is there where it was just asked. */
export interface KnownPeer extends PeerDetail {
  id: string;
  addresses: string[];
  offeredBytes: number;
  site?: string;
  reachable?: boolean;
}

/** The daemon's own affairs, as the local API needs them. */
export interface Control {
  about(): About;
  usage(): HolderUsage;
  /** Checks what this peer keeps for others. */
  scrub(signal: AbortSignal): Promise<ScrubReport>;
  /** Adds peers to the list, or replaces their addresses, and keeps it. */
  addPeers(cards: readonly PeerCard[]): void;
  configGet(key: string | undefined): Record<string, unknown>;
  /** Takes effect at the next start. */
  configSet(key: string, value: string | undefined): void;
  /** Begins to stop: returns at once. */
  stop(): void;
  /** Only in a daemon that was started with a steerable clock. */
  advanceClock?(stepMs: number): void;
}

/** The list of uploaded things that the daemon keeps on disk: path → content id. */
export interface FileList {
  entries(): { path: string; id: string }[];
  find(id: string): string | undefined;
  set(path: string, id: string): void;
  /** Forgets `path` and everything below it. */
  remove(path: string): void;
  move(from: string, to: string): void;
}
