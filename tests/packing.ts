import { openDatabase } from "../src/adapters/database.node.ts";
import { nodeSourceFiles } from "../src/adapters/source.node.ts";
import { memoryWorkers } from "../src/adapters/workers-memory.ts";
import { assert } from "../src/base/assert.ts";
import { concatBytes } from "../src/base/bytes.ts";
import type { ShardId } from "../src/base/id.ts";
import type { PackKind } from "../src/codec/pack.ts";
import { shardBytesOf } from "../src/codec/stripe.ts";
import { decodeNameList, decodeTreeNode } from "../src/codec/tree.ts";
import type { ContentRef, TreeEntry } from "../src/codec/tree.ts";
import { attachArena, createArena } from "../src/kernels/arena.ts";
import { loadKernels } from "../src/kernels/load.node.ts";
import { openChunk } from "../src/object/chunk.ts";
import { deriveVolumeKeys } from "../src/object/keys.ts";
import type { VolumeKeys } from "../src/object/keys.ts";
import { openTrailer } from "../src/object/pack.ts";
import { shardAt } from "../src/object/stripe.ts";
import type { StripeCode } from "../src/object/stripe.ts";
import type { SourceFiles } from "../src/ports/source.ts";
import type { Workers } from "../src/ports/workers.ts";
import { INDEX_SCHEMA } from "../src/volume/index/schema.ts";
import { IndexStore } from "../src/volume/index/store.ts";
import type { PackSetup, ReadyStripe } from "../src/volume/pack/messages.ts";
import { PackSession } from "../src/volume/pack/session.ts";
import { PACK_ARENA_BYTES, runPackWorker } from "../src/volume/pack/worker.ts";
import type { ReportEvent } from "../src/volume/service.ts";

export const LIVE = new AbortController().signal;
const TEST_KEYS = deriveVolumeKeys(new Uint8Array(32).fill(5));
/** One for all sessions of a test file: only one is open at a time. */
const shared = createArena(PACK_ARENA_BYTES);

/** Workers that run the packing code of `index` in this thread, over real kernels. */
export function packWorkers(index: IndexStore, source: SourceFiles = nodeSourceFiles): Workers {
  return memoryWorkers({
    open: () => undefined,
    pack: (channel, message) => {
      const setup = message as PackSetup;
      const arena = attachArena(setup.memory);
      const isKnown = (name: Uint8Array): boolean => index.findChunk(name) !== undefined;
      // What was sent meanwhile waits for the receiver.
      void loadKernels(arena).then((kernels) => {
        runPackWorker(channel, { arena, kernels, source, setup, isKnown });
      });
    },
  });
}

export interface StoredStripe extends Omit<ReadyStripe, "slot"> {
  slot: number;
}

/** What a home has of its packs, with shards in memory instead of at holders. */
export class PackingHome {
  readonly keys: VolumeKeys;
  readonly index: IndexStore;
  readonly shards: Map<ShardId, Uint8Array>;
  readonly stripes: StoredStripe[] = [];
  readonly warnings: Extract<ReportEvent, { event: "warning" }>[] = [];
  readonly progress: number[] = [];
  readonly nodes = new Map<string, Uint8Array>();
  /** Runs before a stripe is stored; what it throws, storing throws. */
  beforeStore: (stripe: ReadyStripe) => Promise<void> = async () => undefined;
  source: SourceFiles = nodeSourceFiles;
  readonly #indexPath: string;

  /** `shards` are what holders have: homes with the same keys may share them.
   * `indexPath` is that of its database. */
  constructor(
    keys: VolumeKeys = TEST_KEYS,
    shards = new Map<ShardId, Uint8Array>(),
    indexPath = ":memory:",
  ) {
    this.keys = keys;
    this.shards = shards;
    this.#indexPath = indexPath;
    this.index = new IndexStore(openDatabase(indexPath, { schema: INDEX_SCHEMA }));
  }

  /** A session that stores its stripes here. */
  open(code: StripeCode = { k: 2, n: 3 }): PackSession {
    const setup: PackSetup = { memory: shared.memory, keys: this.keys, indexPath: this.#indexPath };
    const session = new PackSession(packWorkers(this.index, this.source).start("pack", setup), {
      onStripe: async (stripe) => {
        this.stripes.push(stripe);
        await this.beforeStore(stripe);
        this.#store(stripe);
      },
      onNode: (name, bytes) => this.nodes.set(Buffer.from(name).toString("hex"), bytes),
      report: (event) => {
        if (event.event === "warning") this.warnings.push(event);
        else this.progress.push(event.bytes);
      },
    });
    session.useCode(code);
    return session;
  }

  /** Runs `work` with a session, flushes and closes it. */
  async with<T>(work: (session: PackSession) => Promise<T>, code?: StripeCode): Promise<T> {
    const session = this.open(code);
    try {
      const result = await work(session);
      await session.flush(LIVE);
      return result;
    } finally {
      await session.close();
    }
  }

  /** Packs by kind, read back from their shards. */
  packs(kind: PackKind): Uint8Array[] {
    return this.stripes.filter((stripe) => stripe.kind === kind).map((each) => this.packOf(each));
  }

  packOf({ ids, packBytes, code }: Pick<ReadyStripe, "ids" | "packBytes" | "code">): Uint8Array {
    const parts = ids.slice(0, code.k).map((id) => this.#shard(id));
    return concatBytes(...parts).subarray(0, packBytes);
  }

  /** Puts bytes into the arena, as whoever was given a slot does. */
  fill(at: number, bytes: Uint8Array): void {
    shared.bytes.set(bytes, at);
  }

  /** A chunk by its name alone, checked. */
  readChunk(name: Uint8Array): Uint8Array {
    const place = this.index.findChunk(name);
    assert(place !== undefined, "a chunk is indexed");
    const { stripe } = this.index.pack(place.pack);
    const ids = stripe.shards.map(({ id }) => id);
    const pack = this.packOf({ ids, packBytes: stripe.packBytes, code: stripe });
    const sealed = pack.subarray(place.offset, place.offset + place.lengthBytes);
    return new Uint8Array(openChunk(this.keys, name, sealed));
  }

  readFile(entry: TreeEntry): Uint8Array {
    assert(entry.kind === "file", "a file is read");
    const names = this.chunkNames(entry.content);
    const bytes = concatBytes(...names.map((name) => this.readChunk(name)));
    assert(bytes.length === entry.sizeBytes, "a file has its size");
    return bytes;
  }

  chunkNames({ levels, names }: ContentRef): Uint8Array[] {
    if (levels === 0) return names;
    return names.flatMap((name) =>
      this.chunkNames({ levels: levels - 1, names: decodeNameList(this.readChunk(name)) }),
    );
  }

  /** Entries of the directory with this top node, in order. */
  readDirectory(node: Uint8Array): TreeEntry[] {
    const decoded = decodeTreeNode(this.readChunk(node));
    if (decoded.kind === "leaf") return decoded.entries;
    return decoded.children.flatMap((child) => this.readDirectory(child.node));
  }

  /** Every trailer's entries against what the stripe said. */
  checkTrailers(): void {
    for (const stripe of this.stripes) {
      const { kind, entries } = openTrailer(this.keys, this.packOf(stripe));
      assert(kind === stripe.kind, "a trailer has its pack's kind");
      assert(entries.length === stripe.entries.length, "a trailer names every chunk");
    }
  }

  #shard(id: ShardId): Uint8Array {
    const shard = this.shards.get(id);
    assert(shard !== undefined, "a shard was stored");
    return shard;
  }

  #store(stripe: ReadyStripe): void {
    const { ids, packBytes, code, at, kind, entries } = stripe;
    const shardBytes = shardBytesOf(packBytes, code.k);
    ids.forEach((id, index) => {
      const from = shardAt(at, index, shardBytes, code.k);
      this.shards.set(id, shared.bytes.slice(from, from + shardBytes));
    });
    const shards = ids.map((id) => ({ id, holder: undefined }));
    this.index.transaction(() => {
      this.index.addPack({ kind, stripe: { packBytes, ...code, shards }, entries }, false);
    });
  }
}

/** The entry of a name in a directory. */
export function entryNamed(entries: readonly TreeEntry[], name: string): TreeEntry {
  const found = entries.find((entry) => Buffer.from(entry.name).equals(Buffer.from(name)));
  assert(found !== undefined, `there is an entry ${name}`);
  return found;
}
