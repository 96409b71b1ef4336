import { codeOf } from "../../base/error.ts";
import { idOf } from "../../base/id.ts";
import type { PeerId, ShardId } from "../../base/id.ts";
import { shardIdOf, leafHashes } from "../../crypto/hash.node.ts";
import type { Arena } from "../../kernels/arena.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { IndexStore, PackRow } from "../index/store.ts";
import { isBadShard, readShardFrom } from "./holders.ts";
import type { HolderMemory, ShardClient } from "./holders.ts";
import type { ShardFault, StripeReading } from "./shards.ts";

/** Reading never waits longer than this for one stripe's repair. */
const REPAIR_MAX_MS = 20_000;
/** Looking at one shard that nobody waits for never takes longer. */
const CHECK_MAX_MS = 4_000;
/** Holders that are tried for one shard whose own holder does not take it back. */
const OTHERS_MAX = 3;

export interface RepairParts {
  client: ShardClient;
  clock: Clock;
  log: Log;
  memory: HolderMemory;
  index: IndexStore;
  arena: Arena;
  kernels: Kernels;
  /** Peers that may take a shard whose holder does not. */
  usablePeers: () => readonly PeerId[];
}

export interface RepairSummary {
  repairedShards: number;
  badPeers: PeerId[];
}

/** Checks all shards of a stripe of which a living holder had a bad one, or else those of holders
 * that had bad ones of other stripes; rebuilds those that are bad and stores them again: at their
 * holders, else at others. The pack and the shards of `reading`
 * stay in their slot meanwhile. Takes a bounded time and never throws. */
export async function repairStripe(
  parts: RepairParts,
  pack: PackRow,
  reading: StripeReading,
  signal: AbortSignal,
): Promise<RepairSummary> {
  const over = new AbortController();
  const timer = new AbortController();
  parts.clock.sleep(REPAIR_MAX_MS, timer.signal).then(
    () => over.abort(new Error("repairing took too long")),
    () => undefined,
  );
  const repair = new Repair(parts, pack, reading, AbortSignal.any([signal, over.signal]));
  try {
    await repair.run();
  } catch (error) {
    parts.log.write("warn", "repair_failed", { reason: codeOf(error) ?? "UNKNOWN" });
  } finally {
    timer.abort();
  }
  return { repairedShards: repair.repairedShards, badPeers: [...repair.badPeers] };
}

class Repair {
  repairedShards = 0;
  readonly badPeers = new Set<PeerId>();
  readonly #parts: RepairParts;
  readonly #pack: PackRow;
  readonly #reading: StripeReading;
  readonly #signal: AbortSignal;

  constructor(parts: RepairParts, pack: PackRow, reading: StripeReading, signal: AbortSignal) {
    this.#parts = parts;
    this.#pack = pack;
    this.#reading = reading;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    const bad: ShardFault[] = [];
    for (const fault of this.#reading.faults) if (fault.isBad) this.#note(fault, bad);
    await this.#checkOthers(bad);
    for (const fault of bad) {
      this.#signal.throwIfAborted();
      await this.#restore(fault);
    }
  }

  #note(fault: ShardFault, bad: ShardFault[]): void {
    this.badPeers.add(fault.peer);
    this.#parts.memory.noteBad(fault.peer);
    bad.push(fault);
  }

  /** Reads the shards that were neither used nor found bad yet: all of them once one of the stripe
   * is bad, before that those of holders that had bad ones elsewhere. */
  async #checkOthers(bad: ShardFault[]): Promise<void> {
    const { arrived, faults } = this.#reading;
    const known = new Set([...arrived, ...faults].map(({ index }) => index));
    const { memory } = this.#parts;
    for (const doubtfulOnly of [true, false]) {
      if (!doubtfulOnly && bad.length === 0) return;
      for (const [index, { id, holder }] of this.#pack.stripe.shards.entries()) {
        if (known.has(index) || holder === undefined || memory.isGone(holder)) continue;
        if (doubtfulOnly && !memory.wasBad(holder)) continue;
        known.add(index);
        await this.#check(index, id, holder, bad);
      }
    }
  }

  async #check(index: number, id: ShardId, holder: PeerId, bad: ShardFault[]): Promise<void> {
    const at = this.#takeSpare();
    if (at === undefined) return;
    const { arena, client, memory, clock } = this.#parts;
    const late = new AbortController();
    const timer = new AbortController();
    clock.sleep(CHECK_MAX_MS, timer.signal).then(
      () => late.abort(new Error("looking at a shard took too long")),
      () => undefined,
    );
    try {
      const into = arena.bytes.subarray(at, at + this.#reading.places.shardBytes);
      const both = AbortSignal.any([this.#signal, late.signal]);
      await readShardFrom(client, memory, { peer: holder, id, into }, both);
    } catch (error) {
      this.#signal.throwIfAborted();
      const isBad = isBadShard(error);
      if (isBad) this.#note({ index, peer: holder, isBad }, bad);
      else memory.noteGone(holder);
    } finally {
      timer.abort();
      this.#giveSpare(at);
    }
  }

  async #restore({ index, peer }: ShardFault): Promise<void> {
    const id = this.#pack.stripe.shards[index]?.id;
    const spare = this.#takeSpare();
    if (id === undefined || spare === undefined) return;
    try {
      const bytes = this.#rebuilt(index, id, spare);
      if (bytes === undefined) return;
      if (await this.#store(peer, id, bytes)) {
        this.repairedShards++;
        return;
      }
      const taken = new Set(this.#pack.stripe.shards.map(({ holder }) => holder));
      const others = this.#parts.usablePeers().filter((other) => !taken.has(other));
      for (const other of others.slice(0, OTHERS_MAX)) {
        if (!(await this.#store(other, id, bytes))) continue;
        this.#moveTo(index, peer, other);
        this.repairedShards++;
        return;
      }
    } finally {
      this.#giveSpare(spare);
    }
  }

  /** The bytes of a shard, from those that came; undefined where they are not what its id says,
   * which would mean that the stripe never was one. */
  #rebuilt(index: number, id: ShardId, spare: number): Uint8Array | undefined {
    const { kernels, arena } = this.#parts;
    const { arrived, places, packAt } = this.#reading;
    const { k } = this.#pack.stripe;
    const { shardBytes } = places;
    let at = spare;
    if (k === 1) at = packAt;
    else if (index < k) at = packAt + index * shardBytes;
    else kernels.rebuild(k, shardBytes, arrived, [{ index, at }]);
    const bytes = arena.bytes.subarray(at, at + shardBytes);
    return idOf(shardIdOf(shardBytes, leafHashes(bytes))) === id ? bytes : undefined;
  }

  async #store(peer: PeerId, id: ShardId, bytes: Uint8Array): Promise<boolean> {
    const { client, log } = this.#parts;
    try {
      const wish = { id, lengthBytes: bytes.length };
      const [grant] = await client.reserve(peer, [wish], this.#signal);
      // A holder that says it has the shard, and just now did not give it, is not believed.
      if (grant?.outcome !== "granted") return false;
      await client.storeShard(peer, id, grant.ticket, bytes, this.#signal);
      return true;
    } catch (error) {
      this.#signal.throwIfAborted();
      log.write("info", "shard_not_repaired", { peer, reason: codeOf(error) ?? "FAILED" });
      return false;
    }
  }

  /** The index is read again: a put may have placed other shards of the stripe meanwhile. */
  #moveTo(index: number, from: PeerId, to: PeerId): void {
    const { stripe } = this.#parts.index.pack(this.#pack.id);
    if (stripe.shards[index]?.holder !== from) return;
    const shards = stripe.shards.map((shard, at) =>
      at === index ? { ...shard, holder: to } : shard,
    );
    this.#parts.index.transaction(() => {
      this.#parts.index.setStripe(this.#pack.id, { ...stripe, shards });
    });
  }

  /** Any number beyond the data shards has its place among the spare ones. */
  #takeSpare(): number | undefined {
    return this.#reading.places.take(this.#pack.stripe.n);
  }

  #giveSpare(at: number): void {
    this.#reading.places.giveBack(this.#pack.stripe.n, at);
  }
}
