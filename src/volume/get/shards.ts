import type { PeerId, ShardId } from "../../base/id.ts";
import type { Stripe } from "../../codec/stripe.ts";
import type { Arena } from "../../kernels/arena.ts";
import type { Kernels, PlacedShard } from "../../kernels/kernels.ts";
import type { Clock } from "../../ports/clock.ts";
import { VolumeError } from "../error.ts";
import { isBadShard, readShardFrom } from "./holders.ts";
import type { HolderMemory, ShardClient } from "./holders.ts";
import { ShardPlaces } from "./places.ts";

/** A shard is not waited for longer than this many times what the others took, but at least so
 * long. */
const PATIENCE_FACTOR = 3;
const PATIENCE_MIN_MS = 500;
/** Where nothing is known of how long a shard takes. */
const PATIENCE_FIRST_MS = 3000;

/** A shard that did not come from its holder. */
export interface ShardFault {
  index: number;
  peer: PeerId;
  /** Whether the holder lives, but has not what it should have. */
  isBad: boolean;
}

/** A pack in the arena, with the shards that it was had from. */
export interface StripeReading {
  /** Where the pack begins. */
  packAt: number;
  /** `k` verified shards. */
  arrived: PlacedShard[];
  places: ShardPlaces;
  faults: ShardFault[];
}

export interface StripeReaderParts {
  client: ShardClient;
  clock: Clock;
  memory: HolderMemory;
  arena: Arena;
  kernels: Kernels;
}

/** Reads packs from whichever `k` of their `n` holders answer first. */
export class StripeReader {
  readonly #parts: StripeReaderParts;

  constructor(parts: StripeReaderParts) {
    this.#parts = parts;
  }

  /** Reads a stripe's pack into the slot that begins at `at`: the data shards straight to their
   * places; whatever fails, is forged or lets wait is replaced by another shard, and rebuilt.
   * @throws VolumeError SHARDS_MISSING; the signal's reason */
  async read(stripe: Stripe, at: number, signal: AbortSignal): Promise<StripeReading> {
    const race = new ShardRace(this.#parts, stripe, at);
    const reading = await race.run(signal);
    const { k } = stripe;
    if (k === 1) return { ...reading, packAt: reading.arrived[0]?.at ?? at };
    const present = new Set(reading.arrived.map(({ index }) => index));
    const { shardBytes } = reading.places;
    const wanted: PlacedShard[] = [];
    for (let index = 0; index < k; index++) {
      if (!present.has(index)) wanted.push({ index, at: at + index * shardBytes });
    }
    if (wanted.length > 0) this.#parts.kernels.rebuild(k, shardBytes, reading.arrived, wanted);
    return { ...reading, packAt: at };
  }
}

interface Running {
  index: number;
  peer: PeerId;
  at: number;
  startedMs: number;
  controller: AbortController;
  /** It broke off and was asked again. */
  brokeOff: boolean;
  ended: Promise<void>;
}

/** One reading of `k` of `n` shards. */
class ShardRace {
  readonly #parts: StripeReaderParts;
  readonly #stripe: Stripe;
  readonly #places: ShardPlaces;
  /** Shard numbers not asked for yet, the next one last. */
  readonly #queue: number[];
  readonly #running = new Set<Running>();
  readonly #arrived: PlacedShard[] = [];
  readonly #durationsMs: number[] = [];
  readonly #faults: ShardFault[] = [];
  #lastStartMs = 0;
  #wake: () => void = () => undefined;

  constructor(parts: StripeReaderParts, stripe: Stripe, at: number) {
    this.#parts = parts;
    this.#stripe = stripe;
    this.#places = new ShardPlaces(stripe, at);
    this.#queue = this.#order();
  }

  async run(signal: AbortSignal): Promise<Omit<StripeReading, "packAt">> {
    const { k } = this.#stripe;
    try {
      while (this.#arrived.length < k) {
        signal.throwIfAborted();
        while (this.#arrived.length + this.#running.size < k && this.#startNext(signal));
        if (this.#running.size === 0) throw this.#missing();
        await this.#nextEvent(signal);
      }
    } finally {
      await this.#endRunning();
    }
    const arrived = this.#arrived.slice(0, k);
    return { arrived, places: this.#places, faults: this.#faults };
  }

  /** Data shards first, since they need no rebuilding; shards of suspect holders last. */
  #order(): number[] {
    const { shards } = this.#stripe;
    const { memory } = this.#parts;
    const held = shards.flatMap(({ holder }, index) => (holder === undefined ? [] : [index]));
    const isSuspect = (index: number): boolean => memory.isSuspect(shards[index]?.holder ?? "");
    const later = held.filter((index) => isSuspect(index));
    return [...held.filter((index) => !isSuspect(index)), ...later].reverse();
  }

  #startNext(signal: AbortSignal): boolean {
    const index = this.#queue.at(-1);
    const shard = index === undefined ? undefined : this.#stripe.shards[index];
    if (index === undefined || shard?.holder === undefined) return false;
    const at = this.#places.take(index);
    if (at === undefined) return false;
    this.#queue.pop();
    const controller = new AbortController();
    this.#lastStartMs = this.#parts.clock.monotonicMs();
    const both = AbortSignal.any([signal, controller.signal]);
    const running: Running = {
      index,
      peer: shard.holder,
      at,
      startedMs: this.#lastStartMs,
      controller,
      brokeOff: false,
      ended: Promise.resolve(),
    };
    running.ended = this.#read(running, shard.id, both).then(
      () => this.#succeeded(running),
      (error: unknown) => this.#failed(running, error, signal),
    );
    this.#running.add(running);
    return true;
  }

  #read(running: Running, id: ShardId, signal: AbortSignal): Promise<void> {
    const { client, arena, memory } = this.#parts;
    const { peer, at } = running;
    const into = arena.bytes.subarray(at, at + this.#places.shardBytes);
    return readShardFrom(client, memory, { peer, id, into }, signal, () => {
      running.brokeOff = true;
    });
  }

  #succeeded({ index, peer, at, startedMs }: Running): void {
    const durationMs = this.#parts.clock.monotonicMs() - startedMs;
    this.#parts.memory.noteSuccess(peer, this.#places.shardBytes, durationMs);
    this.#durationsMs.push(durationMs);
    this.#arrived.push({ index, at });
    this.#remove(index);
  }

  #failed(running: Running, error: unknown, signal: AbortSignal): void {
    const { index, peer, at, controller } = running;
    this.#places.giveBack(index, at);
    this.#remove(index);
    if (signal.aborted || controller.signal.aborted) return;
    const isBad = isBadShard(error);
    if (isBad) this.#parts.memory.noteBad(peer);
    else this.#parts.memory.noteGone(peer);
    this.#faults.push({ index, peer, isBad });
  }

  #remove(index: number): void {
    for (const running of this.#running) if (running.index === index) this.#running.delete(running);
    this.#wake();
  }

  /** Waits until a shard came or failed, or until patience ends and one more is asked for. */
  async #nextEvent(signal: AbortSignal): Promise<void> {
    const happened = new Promise<"shard">((resolve) => {
      this.#wake = () => resolve("shard");
    });
    const { clock } = this.#parts;
    const leftMs = this.#lastStartMs + this.#patienceMs() - clock.monotonicMs();
    if (this.#queue.length === 0) {
      await happened;
      return;
    }
    const timer = new AbortController();
    const over = clock.sleep(Math.max(leftMs, 0), timer.signal).then(
      () => "late" as const,
      () => "shard" as const,
    );
    const event = await Promise.race([happened, over]);
    timer.abort();
    // Where no place is left for one more, waiting goes on without a timer.
    if (event === "late" && !this.#startNext(signal)) await happened;
  }

  #patienceMs(): number {
    const sorted = this.#durationsMs.toSorted((a, b) => a - b);
    const median =
      sorted[sorted.length >>> 1] ?? this.#parts.memory.typicalMs(this.#places.shardBytes);
    if (median === undefined) return PATIENCE_FIRST_MS;
    return Math.max(PATIENCE_MIN_MS, PATIENCE_FACTOR * median);
  }

  /** Stops those that are not needed any more. Their places are not used before they ended. */
  async #endRunning(): Promise<void> {
    const running = [...this.#running];
    const patienceMs = this.#patienceMs();
    const nowMs = this.#parts.clock.monotonicMs();
    for (const { controller, peer, startedMs, brokeOff } of running) {
      // Given up before it said why it broke off: perhaps its shard is bad.
      if (brokeOff) this.#parts.memory.noteBad(peer);
      else if (this.#arrived.length >= this.#stripe.k && nowMs - startedMs >= patienceMs) {
        this.#parts.memory.noteSlow(peer);
      }
      controller.abort();
    }
    await Promise.all(running.map(({ ended }) => ended));
  }

  #missing(): VolumeError {
    const { k, shards } = this.#stripe;
    const have = new Set(this.#arrived.map(({ index }) => index));
    const missing = new Set<string>();
    shards.forEach(({ holder }, index) => {
      if (holder !== undefined && !have.has(index)) missing.add(holder);
    });
    const peers = [...missing].slice(0, MISSING_NAMED_MAX).join(", ");
    const text = `have ${this.#arrived.length} of ${k} shards, missing peers: ${peers || "none known"}`;
    return new VolumeError("SHARDS_MISSING", text, {
      hint: "start these peers, or wait until they are back, and try again",
    });
  }
}

const MISSING_NAMED_MAX = 16;
