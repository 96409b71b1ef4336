import { assert } from "../../base/assert.ts";
import { CHUNK_MAX_BYTES } from "../../base/limits.ts";
import type { PackKind } from "../../codec/pack.ts";
import { chunkNameOf } from "../../object/chunk.ts";
import type { VolumeKeys } from "../../object/keys.ts";
import { PackBuilder } from "../../object/pack.ts";
import {
  codeOfPack,
  encodeStripe,
  metaPackMaxBytes,
  packAlignBytes,
  packMaxBytes,
} from "../../object/stripe.ts";
import type { StripeCode } from "../../object/stripe.ts";
import type { Arena } from "../../kernels/arena.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import type { ReadyStripe } from "./messages.ts";
import type { Slots } from "./slots.ts";

interface OpenPack {
  builder: PackBuilder;
  slot: number;
  code: StripeCode;
}

export interface PackerParts {
  arena: Arena;
  kernels: Kernels;
  keys: VolumeKeys;
  /** Places for stripes of file content. */
  slots: Slots;
  /** Smaller places, for tree and index chunks, numbered behind the others. */
  metaSlots: Slots;
  /** Whether the index knows a chunk already. */
  isKnown: (name: Uint8Array) => boolean;
  emit: (stripe: ReadyStripe) => void;
}

const DATA_IN_FLIGHT_MAX = 2;

/** Names chunks, leaves out those that are known, seals the others into packs, and codes each full
 * pack into a stripe. Data, tree and index chunks go into separate packs. */
export class Packer {
  readonly #parts: PackerParts;
  readonly #open = new Map<PackKind, OpenPack>();
  /** Names in packs that the index does not have yet, by slot; open packs are counted as their
   * slot's. */
  readonly #pending = new Map<string, number>();
  readonly #namesOfSlot = new Map<number, string[]>();
  readonly #dataInFlight = new Set<number>();
  #wakeData: (() => void) | undefined;
  #code: StripeCode | undefined;
  newBytes = 0;

  constructor(parts: PackerParts) {
    this.#parts = parts;
  }

  /** Sets the code of packs that begin from now on. */
  useCode(code: StripeCode): void {
    this.#code = code;
  }

  /** Stores one chunk; its bytes may be overwritten afterwards.
   * @param raw 0 to CHUNK_MAX_BYTES bytes
   * @returns its name, at once or, where a pack had to be waited for, later */
  add(kind: PackKind, raw: Uint8Array): Uint8Array | Promise<Uint8Array> {
    assert(raw.length <= CHUNK_MAX_BYTES, "a chunk is within its limit");
    const name = chunkNameOf(this.#parts.keys, raw);
    const key = nameKey(name);
    const pack = this.#open.get(kind);
    if (this.#pending.has(key) || this.#parts.isKnown(name)) {
      // As it would have been if the chunk were new: so a put that was interrupted, and is run
      // again, makes the packs that are still missing with the same borders as the first time.
      if (pack !== undefined && !pack.builder.fits(raw.length)) this.#end(kind, pack);
      return name;
    }
    if (pack?.builder.fits(raw.length) === true) {
      this.#append(pack, name, key, raw);
      return name;
    }
    return this.#addToNext(kind, name, key, raw);
  }

  /** Ends all open packs. */
  flush(): void {
    for (const [kind, pack] of this.#open) this.#end(kind, pack);
  }

  /** The receiver of a stripe is done with it: the index has its chunks, or it was given up. */
  release(slot: number): void {
    for (const key of this.#namesOfSlot.get(slot) ?? []) this.#pending.delete(key);
    this.#namesOfSlot.delete(slot);
    this.#slotsWith(slot).release(slot);
    if (this.#dataInFlight.delete(slot)) this.#wakeData?.();
  }

  async #addToNext(
    kind: PackKind,
    name: Uint8Array,
    key: string,
    raw: Uint8Array,
  ): Promise<Uint8Array> {
    const full = this.#open.get(kind);
    if (full !== undefined) this.#end(kind, full);
    if (kind === "data") await this.#fewerInFlight();
    const { arena, slots, metaSlots } = this.#parts;
    const slot = await (kind === "data" ? slots : metaSlots).acquire();
    const code = this.#code;
    assert(code !== undefined, "the code is set before the first chunk");
    const at = this.at(slot);
    const packBytes = kind === "data" ? packMaxBytes(code) : metaPackMaxBytes(code);
    const buffer = arena.bytes.subarray(at, at + packBytes);
    const pack = { builder: new PackBuilder(this.#parts.keys, kind, buffer), slot, code };
    this.#open.set(kind, pack);
    this.#append(pack, name, key, raw);
    return name;
  }

  /** Where a slot begins in the arena. */
  at(slot: number): number {
    return this.#slotsWith(slot).at(slot);
  }

  #slotsWith(slot: number): Slots {
    const { slots, metaSlots } = this.#parts;
    return slots.has(slot) ? slots : metaSlots;
  }

  async #fewerInFlight(): Promise<void> {
    while (this.#dataInFlight.size >= DATA_IN_FLIGHT_MAX) {
      await new Promise<void>((resolve) => {
        this.#wakeData = resolve;
      });
    }
  }

  #append(pack: OpenPack, name: Uint8Array, key: string, raw: Uint8Array): void {
    pack.builder.add(name, raw);
    this.newBytes += raw.length;
    this.#pending.set(key, pack.slot);
    const names = this.#namesOfSlot.get(pack.slot);
    if (names === undefined) this.#namesOfSlot.set(pack.slot, [key]);
    else names.push(key);
  }

  #end(kind: PackKind, pack: OpenPack): void {
    const { kernels, arena, emit } = this.#parts;
    this.#open.delete(kind);
    const align = packAlignBytes(pack.builder.lengthBytes, pack.code);
    const packBytes = pack.builder.finish(align);
    const code = codeOfPack(packBytes, pack.code);
    const at = this.at(pack.slot);
    const ids = encodeStripe(kernels, arena, at, packBytes, code);
    if (kind === "data") this.#dataInFlight.add(pack.slot);
    const { entries } = pack.builder;
    emit({ slot: pack.slot, at, kind, packBytes, code, ids, entries });
  }
}

function nameKey(name: Uint8Array): string {
  return String.fromCharCode(...name);
}
