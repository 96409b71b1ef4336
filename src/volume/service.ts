import type { Id } from "../base/id.ts";

/** What long work tells while it runs. */
export type ReportEvent =
  | { event: "progress"; phase: string; files: number; bytes: number; totalBytes?: number }
  | { event: "warning"; code: string; message: string; path?: string };
export type Report = (event: ReportEvent) => void;

export interface Code {
  k: number;
  n: number;
}

export interface PutRequest {
  source: { kind: "path"; path: string } | { kind: "stream"; blocks: AsyncIterable<Uint8Array> };
  /** `/a/b` in the volume `home`, or `volume:/a/b`. */
  target: string;
  /** Glob patterns of names or relative paths that are left out. */
  exclude: readonly string[];
  code?: Code;
  /** Return when every stripe has all its shards ("full", the default) or the first r of them. */
  ack?: "full" | "r";
}

export interface PutSummary {
  files: number;
  directories: number;
  /** Bytes of the source. */
  bytes: number;
  /** Bytes of chunks that were not known yet. */
  newBytes: number;
  /** Bytes of shards sent to holders. */
  storedBytes: number;
  snapshot: number;
  safe: boolean;
  contentId: Id;
  warnings: number;
  k: number;
  n: number;
}

export interface GetRequest {
  source: string;
  /** Absolute path on this machine; made exactly so, as `cp -T`. */
  target: string;
  peersOnly: boolean;
  /** Snapshot number; the newest without it. */
  at?: number;
}

export interface GetSummary {
  files: number;
  bytes: number;
  warnings: number;
  repairedShards: number;
  /** Peers that returned bytes which do not match their ids. */
  badPeers: string[];
}

export interface Entry {
  path: string;
  kind: "file" | "directory" | "symlink";
  sizeBytes: number;
  mtimeMs: number;
  mode: number;
  contentId?: Id;
}

export interface SnapshotInfo {
  number: number;
  timeMs: number;
  device: Id;
  message: string;
}

export interface VolumeStatus {
  /** When and only when everything has its full redundancy, enough holders of it can be reached,
   * and the head is on its keepers. */
  safe: boolean;
  /** Why not, in words; empty when safe. */
  reasons: string[];
  redundancy: { k: number; n: number; r: number };
  peers: { known: number; usable: number };
  snapshot: number;
  packs: { full: number; partial: number; local: number };
  /** Sealed bytes of all packs, before coding. */
  packBytes: number;
}

/** An account's volumes on this device: what the local API offers.
 * @throws VolumeError, ObjectError, SwarmError with the codes of docs/errors.md */
export interface VolumeService {
  put(request: PutRequest, report: Report, signal: AbortSignal): Promise<PutSummary>;
  get(request: GetRequest, report: Report, signal: AbortSignal): Promise<GetSummary>;
  /** The bytes of one file, in order. */
  read(
    request: { source: string; peersOnly: boolean; at?: number },
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
  list(
    path: string,
    options: { recursive: boolean; limit: number; after?: string },
    signal: AbortSignal,
  ): Promise<Entry[]>;
  remove(path: string, signal: AbortSignal): Promise<{ snapshot: number }>;
  move(from: string, to: string, signal: AbortSignal): Promise<{ snapshot: number }>;
  history(path: string | undefined, signal: AbortSignal): Promise<SnapshotInfo[]>;
  status(): VolumeStatus;
  /** The path of a content id, or undefined. */
  findContent(id: Id, signal: AbortSignal): Promise<string | undefined>;
  close(): Promise<void>;
}
