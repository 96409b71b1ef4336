import type { PeerId } from "../../base/id.ts";
import type { TreeEntry } from "../../codec/tree.ts";
import type { VolumeKeys } from "../../object/keys.ts";
import type { Blobs } from "../../ports/blobs.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Workers } from "../../ports/workers.ts";
import type { IndexStore } from "../index/store.ts";
import type { GetSummary, Report } from "../service.ts";
import { TreeReader } from "../tree/read.ts";
import { ChunkReader } from "./chunks.ts";
import type { ReadOptions } from "./chunks.ts";
import { HolderMemory } from "./holders.ts";
import type { ShardClient } from "./holders.ts";
import { PackLoader } from "./load.ts";
import { SharedMemory } from "./memory.ts";
import type { LendArena } from "./memory.ts";
import { RepairTally, restoreEntry } from "./restore.ts";
import { streamFile } from "./stream.ts";

export interface GetterParts {
  index: IndexStore;
  client: ShardClient;
  keys: VolumeKeys;
  /** Packs that are not fully spread yet, by the base32 of their ident. */
  packs: Blobs;
  workers: Workers;
  lendArena: LendArena;
  clock: Clock;
  log: Log;
  /** Peers that may take a shard whose holder lost it. */
  usablePeers: () => readonly PeerId[];
}

/** Reads a volume back: single chunks, directories, streams, whole trees. */
export class Getter {
  readonly chunks: ChunkReader;
  /** Directories, from this machine's cache where they are in it. */
  readonly tree: TreeReader;
  readonly #parts: GetterParts;
  readonly #loader: PackLoader;
  readonly #memory: SharedMemory;

  constructor(parts: GetterParts) {
    this.#parts = parts;
    this.#loader = new PackLoader({ ...parts, memory: new HolderMemory(parts.clock) });
    this.#memory = new SharedMemory(parts.lendArena);
    const { index, keys } = parts;
    this.chunks = new ChunkReader({ index, keys, loader: this.#loader, memory: this.#memory });
    this.tree = this.#treeFor({ peersOnly: false });
  }

  /** Restores a file, link or directory exactly to the absolute path `target`, as `cp -T` does:
   * what is there is replaced by its like, directories are merged.
   * @throws VolumeError SHARDS_MISSING | CHUNK_MISSING | TARGET_BLOCKED | TARGET_FULL |
   * WORKER_FAILED; ObjectError CHUNK_FORGED; the signal's reason */
  restore(
    entry: TreeEntry,
    target: string,
    options: { peersOnly: boolean },
    report: Report,
    signal: AbortSignal,
  ): Promise<GetSummary> {
    const { peersOnly } = options;
    // What peers gave for an earlier command is a copy of this machine's by now.
    if (peersOnly) this.chunks.forget();
    const tally = new RepairTally(report);
    const tree = this.#treeFor({
      peersOnly,
      onRepair: (repair) => tally.add(repair),
      onSound: (pack) => tally.addSound(pack),
    });
    const parts = { ...this.#parts, loader: this.#loader, tree };
    return this.#memory.use((memory) =>
      restoreEntry(parts, memory, { entry, target, peersOnly }, tally, report, signal),
    );
  }

  /** The bytes of a file in order, verified before they come.
   * @throws as `restore`, but for the target */
  read(
    entry: Extract<TreeEntry, { kind: "file" }>,
    options: { peersOnly: boolean },
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const tree = options.peersOnly ? this.#treeFor(options) : this.tree;
    return streamFile({ ...this.#parts, chunks: this.chunks }, tree, entry, options, signal);
  }

  #treeFor(options: ReadOptions): TreeReader {
    return new TreeReader((name, signal) => this.chunks.readChunk(name, options, signal));
  }
}
