import { base32Encode } from "../../base/base32.ts";
import { codeOf } from "../../base/error.ts";
import { idOf } from "../../base/id.ts";
import type { PeerId } from "../../base/id.ts";
import { KIB } from "../../base/limits.ts";
import { shardBytesOf } from "../../codec/stripe.ts";
import type { Stripe } from "../../codec/stripe.ts";
import { leafHashes, shardIdOf } from "../../crypto/hash.node.ts";
import type { Blobs } from "../../ports/blobs.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { packIdent } from "../index/store.ts";
import type { IndexStore, PackRow } from "../index/store.ts";
import { isBadShard } from "./holders.ts";
import type { HolderMemory, ShardClient } from "./holders.ts";
import type { ReadMemory } from "./memory.ts";
import { repairStripe } from "./repair.ts";
import type { RepairSummary } from "./repair.ts";
import { StripeReader } from "./shards.ts";
import type { ShardFault, StripeReading } from "./shards.ts";

/** Bytes `[start, end)` of a pack. */
export interface PackRange {
  start: number;
  end: number;
}

export interface LoadOptions {
  /** Nothing that lies on this machine is used. */
  peersOnly: boolean;
  /** The parts that are needed; the whole pack without them. */
  ranges?: readonly PackRange[];
  /** Read ranges as such however much of the pack they are. */
  sparse?: boolean;
}

export interface LoadedPack {
  /** Where the pack begins in the arena; outside the ranges that were asked for, its bytes are
   * undefined. */
  packAt: number;
  isWhole: boolean;
  /** Whether `k` whole shards were read from holders. */
  isFromPeers: boolean;
  /** Shards being set right; the slot stays taken until it ends. Never rejects. */
  repair: Promise<RepairSummary> | undefined;
}

export interface LoadParts {
  client: ShardClient;
  clock: Clock;
  log: Log;
  memory: HolderMemory;
  index: IndexStore;
  /** Packs that are not fully spread yet, by the base32 of their ident. */
  packs: Blobs;
  usablePeers: () => readonly PeerId[];
}

/** Below this a pack is read whole. */
const SPARSE_MIN_BYTES = 256 * KIB;
/** Ranges are read as such where they are less than this share of the pack. */
const SPARSE_SHARE = 0.25;
/** Ranges closer than this are read as one: a proof goes by leaves of 16 KiB anyway. */
const GAP_BYTES = 32 * KIB;
const RANGES_AT_ONCE = 4;

/** Brings sealed packs, or parts of them, into slots of the arena: from this machine, or by ranges
 * of the shards that have them, or from any `k` shards. */
export class PackLoader {
  readonly #parts: LoadParts;

  constructor(parts: LoadParts) {
    this.#parts = parts;
  }

  /** Reads into the slot that begins at `at`.
   * @throws VolumeError SHARDS_MISSING; the signal's reason */
  async load(
    memory: ReadMemory,
    pack: PackRow,
    at: number,
    options: LoadOptions,
    signal: AbortSignal,
  ): Promise<LoadedPack> {
    const { stripe } = pack;
    if (!options.peersOnly && (await this.#loadLocal(memory, stripe, at))) {
      return { packAt: at, isWhole: true, isFromPeers: false, repair: undefined };
    }
    const faults: ShardFault[] = [];
    const ranges = sparseRanges(stripe.packBytes, options);
    if (
      ranges !== undefined &&
      (await this.#loadRanges(memory, stripe, at, ranges, faults, signal))
    ) {
      return { packAt: at, isWhole: false, isFromPeers: false, repair: undefined };
    }
    const reader = new StripeReader({ ...this.#parts, ...memory });
    const reading = await reader.read(stripe, at, signal);
    for (const fault of faults) {
      const known = [...reading.faults, ...reading.arrived];
      if (!known.some(({ index }) => index === fault.index)) reading.faults.push(fault);
    }
    const repair = this.#isDoubtful(stripe, reading)
      ? repairStripe({ ...this.#parts, ...memory }, pack, reading, signal)
      : undefined;
    return { packAt: reading.packAt, isWhole: true, isFromPeers: true, repair };
  }

  /** Whether a shard was bad, or one that was not read lies with a holder that had bad ones. */
  #isDoubtful({ shards }: Stripe, { faults, arrived }: StripeReading): boolean {
    if (faults.some(({ isBad }) => isBad)) return true;
    const read = new Set(arrived.map(({ index }) => index));
    return shards.some(
      ({ holder }, index) =>
        holder !== undefined && !read.has(index) && this.#parts.memory.wasBad(holder),
    );
  }

  /** Takes a pack from this machine, if it is there and its shards still have their ids. */
  async #loadLocal({ arena }: ReadMemory, stripe: Stripe, at: number): Promise<boolean> {
    const { packs, log } = this.#parts;
    const name = base32Encode(packIdent(stripe));
    const { packBytes, k, shards } = stripe;
    try {
      if ((await packs.size(name)) !== packBytes) return false;
      const got = await packs.read(name, 0, arena.bytes.subarray(at, at + packBytes));
      if (got !== packBytes) return false;
    } catch (error) {
      // It is removed as soon as it is spread; the peers have it then.
      log.write("debug", "local_pack_not_read", { reason: codeOf(error) ?? "FAILED" });
      return false;
    }
    const shardBytes = shardBytesOf(packBytes, k);
    arena.bytes.fill(0, at + packBytes, at + k * shardBytes);
    for (let index = 0; index < k; index++) {
      const from = at + index * shardBytes;
      const hashes = leafHashes(arena.bytes.subarray(from, from + shardBytes));
      if (idOf(shardIdOf(shardBytes, hashes)) !== shards[index]?.id) {
        log.write("warn", "local_pack_corrupt", { shard: index });
        return false;
      }
    }
    return true;
  }

  /** Reads ranges with proof from the shards that have them; false where one could not be had. */
  async #loadRanges(
    { arena }: ReadMemory,
    stripe: Stripe,
    at: number,
    ranges: readonly PackRange[],
    faults: ShardFault[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const shardBytes = shardBytesOf(stripe.packBytes, stripe.k);
    const pieces = ranges.flatMap((range) => piecesOf(range, shardBytes));
    let next = 0;
    let failed = false;
    const run = async (): Promise<void> => {
      for (let piece = pieces[next++]; piece !== undefined && !failed; piece = pieces[next++]) {
        const bytes = await this.#readPiece(stripe, piece, shardBytes, faults, signal);
        if (bytes === undefined) failed = true;
        else arena.bytes.set(bytes, at + piece.shard * shardBytes + piece.start);
      }
    };
    // All must have ended before the slot is anybody else's.
    const ends = await Promise.allSettled(Array.from({ length: RANGES_AT_ONCE }, run));
    for (const end of ends) if (end.status === "rejected") throw end.reason;
    return !failed;
  }

  async #readPiece(
    stripe: Stripe,
    piece: ShardPiece,
    shardBytes: number,
    faults: ShardFault[],
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    const { client, memory } = this.#parts;
    // Every copy will do; of a coded pack exactly one shard has these bytes.
    const indexes = stripe.k === 1 ? stripe.shards.keys() : [piece.shard];
    for (const index of indexes) {
      const { id, holder } = stripe.shards[index] ?? {};
      if (id === undefined || holder === undefined || memory.isSuspect(holder)) continue;
      try {
        const range = { start: piece.start, end: piece.end, lengthBytes: shardBytes };
        return await client.readRange(holder, id, range, signal);
      } catch (error) {
        signal.throwIfAborted();
        const isBad = isBadShard(error);
        if (isBad) memory.noteBad(holder);
        else memory.noteGone(holder);
        if (!faults.some((fault) => fault.index === index)) {
          faults.push({ index, peer: holder, isBad });
        }
      }
    }
    return undefined;
  }
}

interface ShardPiece extends PackRange {
  shard: number;
}

/** The ranges to read as such, joined where they are close; undefined where the whole pack is
 * better. */
function sparseRanges(packBytes: number, options: LoadOptions): PackRange[] | undefined {
  if (options.ranges === undefined || packBytes < SPARSE_MIN_BYTES) return undefined;
  const joined: PackRange[] = [];
  let sumBytes = 0;
  for (const { start, end } of options.ranges.toSorted((a, b) => a.start - b.start)) {
    sumBytes += end - start;
    const last = joined.at(-1);
    if (last !== undefined && start - last.end <= GAP_BYTES) last.end = Math.max(last.end, end);
    else joined.push({ start, end });
  }
  return options.sparse === true || sumBytes < packBytes * SPARSE_SHARE ? joined : undefined;
}

/** Cuts a range of a pack at the borders of its shards; offsets are then within the shard. */
function piecesOf({ start, end }: PackRange, shardBytes: number): ShardPiece[] {
  const pieces: ShardPiece[] = [];
  for (let from = start; from < end;) {
    const shard = Math.floor(from / shardBytes);
    const to = Math.min(end, (shard + 1) * shardBytes);
    pieces.push({ shard, start: from - shard * shardBytes, end: to - shard * shardBytes });
    from = to;
  }
  return pieces;
}
