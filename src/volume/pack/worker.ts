import { assert } from "../../base/assert.ts";
import { HoldfastError, codeOf, messageOf } from "../../base/error.ts";
import { fromUtf8, utf8 } from "../../base/bytes.ts";
import { MIB, STRIPE_MAX_BYTES } from "../../base/limits.ts";
import type { TreeEntry } from "../../codec/tree.ts";
import { gearTable } from "../../object/keys.ts";
import { encodeStripe, stripeBytes } from "../../object/stripe.ts";
import type { Arena } from "../../kernels/arena.ts";
import { GEAR_TABLE_BYTES } from "../../kernels/kernels.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import type { SourceFiles } from "../../ports/source.ts";
import type { Channel } from "../../ports/workers.ts";
import { writeContent } from "../tree/write.ts";
import { excludeFilter } from "./exclude.ts";
import { STAGING_BYTES, storeBytes } from "./file.ts";
import type { PackAnswer, PackCommand, PackCounts, PackEvent, PackSetup } from "./messages.ts";
import { Packer } from "./packer.ts";
import { scanPath } from "./scan.ts";
import type { ScanParts } from "./scan.ts";
import { Slots } from "./slots.ts";
import { BlockQueue } from "./stream.ts";

/** Stripes of file content in memory: two on their way, and one open pack. */
export const PACK_SLOTS = 3;
/** One open pack of tree chunks, one of index chunks, and one on its way. */
const META_SLOTS = 3;
/** A slot holds the largest stripe, and a little for shards being rounded up. */
const SLOT_BYTES = STRIPE_MAX_BYTES + MIB;
/** Bytes of arena that a pack worker needs. Only those are touched that its code needs. */
export const PACK_ARENA_BYTES = STAGING_BYTES + (PACK_SLOTS + META_SLOTS) * SLOT_BYTES;
const PROGRESS_EVERY_BYTES = 8 * MIB;
const PROGRESS_EVERY_FILES = 200;

export interface PackWorkerParts {
  arena: Arena;
  kernels: Kernels;
  source: SourceFiles;
  /** Whether the index on disk has a chunk. */
  isKnown: (name: Uint8Array) => boolean;
  setup: PackSetup;
}

/** Serves the commands of one pack session until the channel is closed. */
export function runPackWorker(channel: Channel, parts: PackWorkerParts): void {
  const worker = new PackWorker(channel, parts);
  channel.receive((message) => worker.handle(message as PackCommand));
}

class PackWorker {
  readonly #channel: Channel;
  readonly #parts: PackWorkerParts;
  readonly #slots: Slots;
  readonly #packer: Packer;
  readonly #stagingAt: number;
  #stream: BlockQueue | undefined;

  constructor(channel: Channel, parts: PackWorkerParts) {
    this.#channel = channel;
    this.#parts = parts;
    const { arena, kernels, setup, isKnown } = parts;
    kernels.setGear(gearTable(setup.keys.gear, GEAR_TABLE_BYTES));
    this.#stagingAt = arena.dataAt;
    const slotsAt = arena.dataAt + STAGING_BYTES;
    this.#slots = new Slots(slotsAt, SLOT_BYTES, PACK_SLOTS);
    const metaAt = slotsAt + PACK_SLOTS * SLOT_BYTES;
    this.#packer = new Packer({
      arena,
      kernels,
      keys: setup.keys,
      slots: this.#slots,
      metaSlots: new Slots(metaAt, SLOT_BYTES, META_SLOTS, PACK_SLOTS),
      isKnown,
      emit: (stripe) => this.#post({ type: "stripe", stripe }),
    });
  }

  handle(command: PackCommand): void {
    switch (command.type) {
      case "code":
        return this.#packer.useCode(command.code);
      case "release":
        return this.#packer.release(command.slot);
      case "recode":
        return this.#recode(command);
      case "block":
        return this.#stream?.push(command.bytes);
      case "scan":
        return this.#answer(command.call, this.#scan(command.path, command.exclude));
      case "stream":
        return this.#answer(command.call, this.#storeStream(command.mtimeMs));
      case "chunk":
        return this.#answer(command.call, this.#storeChunk(command.kind, command.bytes));
      case "slot":
        return this.#answer(command.call, this.#giveSlot());
      case "flush":
        this.#packer.flush();
        return this.#answer(command.call, Promise.resolve({ kind: "flushed" }));
    }
  }

  #post(event: PackEvent): void {
    this.#channel.post(event);
  }

  #answer(call: number, work: Promise<PackAnswer>): void {
    work.then(
      (value) => this.#post({ type: "answer", call, value }),
      (error: unknown) =>
        this.#post({
          type: "failure",
          call,
          code: codeOf(error) ?? "WORKER_FAILED",
          message: messageOf(error),
          ...(error instanceof HoldfastError && error.hint !== undefined
            ? { hint: error.hint }
            : {}),
        }),
    );
  }

  async #scan(path: Uint8Array, exclude: readonly string[]): Promise<PackAnswer> {
    const scan = this.#scanParts(exclude);
    const entry = await scanPath(scan, path);
    return this.#scanned(entry, scan.counts);
  }

  async #storeStream(mtimeMs: number): Promise<PackAnswer> {
    const scan = this.#scanParts([]);
    const queue = new BlockQueue(() => this.#post({ type: "credit" }));
    this.#stream = queue;
    try {
      const { names, sizeBytes } = await storeBytes(scan, (target) => queue.fill(target));
      const content = await writeContent(names, scan.sink);
      scan.counts.files++;
      const mtimeNs = BigInt(Math.trunc(mtimeMs)) * 1_000_000n;
      const name = new Uint8Array();
      const entry: TreeEntry = { name, kind: "file", mode: 0o644, mtimeNs, sizeBytes, content };
      return this.#scanned(entry, scan.counts);
    } finally {
      this.#stream = undefined;
    }
  }

  #scanned(entry: TreeEntry, counts: PackCounts): PackAnswer {
    counts.newBytes = this.#packer.newBytes;
    return { kind: "scanned", entry, counts };
  }

  async #storeChunk(kind: "data" | "tree" | "index", bytes: Uint8Array): Promise<PackAnswer> {
    return { kind: "named", name: await this.#packer.add(kind, bytes) };
  }

  async #giveSlot(): Promise<PackAnswer> {
    const slot = await this.#slots.acquire();
    return { kind: "slot", slot, at: this.#slots.at(slot) };
  }

  #recode(command: Extract<PackCommand, { type: "recode" }>): void {
    const { slot, kind, packBytes, code } = command;
    assert(stripeBytes(packBytes, code) <= SLOT_BYTES, "a stripe stays within its slot");
    const at = this.#slots.at(slot);
    const ids = encodeStripe(this.#parts.kernels, this.#parts.arena, at, packBytes, code);
    this.#post({ type: "stripe", stripe: { slot, at, kind, packBytes, code, ids, entries: [] } });
  }

  #scanParts(exclude: readonly string[]): ScanParts {
    const { indexPath } = this.#parts.setup;
    const counts: PackCounts = { files: 0, directories: 0, bytes: 0, newBytes: 0 };
    this.#packer.newBytes = 0;
    let toldBytes = 0;
    let toldFiles = 0;
    const tell = (): void => {
      toldBytes = counts.bytes;
      toldFiles = counts.files;
      this.#post({ type: "progress", counts: { ...counts, newBytes: this.#packer.newBytes } });
    };
    return {
      arena: this.#parts.arena,
      kernels: this.#parts.kernels,
      packer: this.#packer,
      source: this.#parts.source,
      stagingAt: this.#stagingAt,
      counts,
      isExcluded: excludeFilter(exclude),
      ownHome: utf8(indexPath.slice(0, Math.max(0, indexPath.lastIndexOf("/")))),
      sink: (bytes) => this.#storeNode(bytes),
      onBytes: (lengthBytes) => {
        counts.bytes += lengthBytes;
        if (counts.bytes - toldBytes >= PROGRESS_EVERY_BYTES) tell();
      },
      onEntry: () => {
        if (counts.files - toldFiles >= PROGRESS_EVERY_FILES) tell();
      },
      warn: (code, message, path) => {
        const text = fromUtf8(path) ?? String.fromCharCode(...path);
        this.#post({ type: "warning", code, message, path: text });
      },
    };
  }

  /** Stores a tree node, and hands it to the index's cache as well. */
  async #storeNode(bytes: Uint8Array): Promise<Uint8Array> {
    const name = await this.#packer.add("tree", bytes);
    this.#post({ type: "node", name, bytes });
    return name;
  }
}
