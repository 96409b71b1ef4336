import { CHUNK_MAX_BYTES, KIB } from "../../base/limits.ts";
import type { Arena } from "../../kernels/arena.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import { Slots } from "../pack/slots.ts";
import { READ_SLOT_BYTES } from "./places.ts";

/** Packs in memory at once, of all that is read from a volume: one being opened, two on their
 * way. */
export const READ_SLOTS = 3;
/** Restores that run at once; more wait. */
const STAGINGS = 2;
/** Opened chunks gather here until they are written: one chunk beyond the length of a good write,
 * and what alignment needs. */
export const STAGING_BYTES = 2 * CHUNK_MAX_BYTES + 64 * KIB;
export const READ_ARENA_BYTES = STAGINGS * STAGING_BYTES + READ_SLOTS * READ_SLOT_BYTES;

/** The arena of all reading that goes on at the moment. */
export interface ReadMemory {
  arena: Arena;
  kernels: Kernels;
  /** READ_SLOT_BYTES each. */
  slots: Slots;
  /** STAGING_BYTES each, at multiples of 64 KiB. */
  stagings: Slots;
}

/** Makes an arena of at least so many bytes, and kernels over it. */
export type MakeArena = (lengthBytes: number) => Promise<{ arena: Arena; kernels: Kernels }>;

/** Lends one arena to all who read at the same time. Who reads soon after them gets the same one,
 * with its pages warm; left alone, it goes the way of all garbage. */
export class SharedMemory {
  readonly #make: MakeArena;
  #current: Promise<ReadMemory> | undefined;
  #last: WeakRef<ReadMemory> | undefined;
  #users = 0;

  constructor(make: MakeArena) {
    this.#make = make;
  }

  /** Runs `work` with the arena. */
  async use<T>(work: (memory: ReadMemory) => Promise<T>): Promise<T> {
    this.#users++;
    try {
      this.#current ??= this.#open();
      const memory = await this.#current;
      this.#last = new WeakRef(memory);
      return await work(memory);
    } finally {
      this.#users--;
      if (this.#users === 0) this.#current = undefined;
    }
  }

  async #open(): Promise<ReadMemory> {
    const last = this.#last?.deref();
    if (last !== undefined) return last;
    const { arena, kernels } = await this.#make(READ_ARENA_BYTES);
    const slotsAt = arena.dataAt + STAGINGS * STAGING_BYTES;
    return {
      arena,
      kernels,
      stagings: new Slots(arena.dataAt, STAGING_BYTES, STAGINGS),
      slots: new Slots(slotsAt, READ_SLOT_BYTES, READ_SLOTS),
    };
  }
}
