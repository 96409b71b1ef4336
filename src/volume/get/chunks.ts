import { equalBytes } from "../../base/bytes.ts";
import { MIB } from "../../base/limits.ts";
import { chunkNameOf, openChunk } from "../../object/chunk.ts";
import type { VolumeKeys } from "../../object/keys.ts";
import type { ChunkRow, IndexStore, PackRow } from "../index/store.ts";
import { withPack } from "./lend.ts";
import type { PackLoader } from "./load.ts";
import type { SharedMemory } from "./memory.ts";
import { findChunk } from "./plan.ts";
import type { RepairSummary } from "./repair.ts";

export interface ReadOptions {
  /** Nothing that lies on this machine is used, but the index. */
  peersOnly: boolean;
  onRepair?: (repair: Promise<RepairSummary>) => void;
  /** Told of a whole pack that peers gave without a fault. */
  onSound?: (pack: PackRow) => void;
}

export interface ChunkParts {
  index: IndexStore;
  keys: VolumeKeys;
  loader: PackLoader;
  memory: SharedMemory;
}

/** Bytes of whole packs that are kept, so that walking a tree reads each of its packs once. */
const KEPT_MAX_BYTES = 24 * MIB;

/** Reads single chunks: tree nodes, segments of the index, pieces of a stream. */
export class ChunkReader {
  readonly #parts: ChunkParts;
  /** Whole packs by row id, the one used last comes last. */
  readonly #kept = new Map<number, { bytes: Uint8Array; fromPeers: boolean }>();
  #keptBytes = 0;

  constructor(parts: ChunkParts) {
    this.#parts = parts;
  }

  /** The plaintext of a chunk: a fresh array, or one that nobody may change.
   * @throws VolumeError CHUNK_MISSING | SHARDS_MISSING; ObjectError CHUNK_FORGED */
  async readChunk(
    name: Uint8Array,
    options: ReadOptions,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { index, keys } = this.#parts;
    const node = options.peersOnly ? undefined : index.findNode(name);
    if (node !== undefined && equalBytes(chunkNameOf(keys, node), name)) return node;
    const row = findChunk(index, name);
    const [sealed] = await this.readSealed(row.pack, [row], options, signal);
    return openChunk(keys, name, sealed ?? new Uint8Array());
  }

  /** Copies of sealed chunks of one pack, in the order of `rows`.
   * @throws VolumeError SHARDS_MISSING */
  async readSealed(
    packId: number,
    rows: readonly Pick<ChunkRow, "offset" | "lengthBytes">[],
    options: ReadOptions,
    signal: AbortSignal,
  ): Promise<Uint8Array[]> {
    const { index, loader, memory } = this.#parts;
    signal.throwIfAborted();
    const cut = (bytes: Uint8Array, at: number): Uint8Array[] =>
      rows.map(({ offset, lengthBytes }) => bytes.slice(at + offset, at + offset + lengthBytes));
    const kept = this.#find(packId, options.peersOnly);
    if (kept !== undefined) return cut(kept, 0);
    const pack = index.pack(packId);
    // What lies beside a tree node is most likely wanted next; of files only what is asked for.
    const ranges = rows.map(({ offset, lengthBytes }) => ({
      start: offset,
      end: offset + lengthBytes,
    }));
    const lend = pack.kind === "data" ? { ...options, ranges, sparse: true } : options;
    return memory.use((lent) =>
      withPack(lent, loader, pack, lend, signal, ({ packAt, isWhole }) => {
        const { bytes } = lent.arena;
        if (isWhole) this.#keep(pack, bytes, packAt, options.peersOnly);
        return cut(bytes, packAt);
      }),
    );
  }

  /** Lets go of the packs that are kept, so that peers are asked again. */
  forget(): void {
    this.#kept.clear();
    this.#keptBytes = 0;
  }

  #find(packId: number, peersOnly: boolean): Uint8Array | undefined {
    const kept = this.#kept.get(packId);
    if (kept === undefined || (peersOnly && !kept.fromPeers)) return undefined;
    this.#kept.delete(packId);
    this.#kept.set(packId, kept);
    return kept.bytes;
  }

  #keep({ id, stripe }: PackRow, arena: Uint8Array, at: number, fromPeers: boolean): void {
    this.#drop(id);
    for (const other of this.#kept.keys()) {
      if (this.#keptBytes + stripe.packBytes <= KEPT_MAX_BYTES) break;
      this.#drop(other);
    }
    this.#kept.set(id, { bytes: arena.slice(at, at + stripe.packBytes), fromPeers });
    this.#keptBytes += stripe.packBytes;
  }

  #drop(id: number): void {
    this.#keptBytes -= this.#kept.get(id)?.bytes.length ?? 0;
    this.#kept.delete(id);
  }
}
