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
  /** Keeps the arena lent until `work` ends, also after whoever began it has gone on. */
  hold(work: Promise<unknown>): void;
}

/** Lends an arena of at least READ_ARENA_BYTES, and makes kernels over it. */
export type LendArena = () => Promise<{ arena: Arena; kernels: Kernels; giveBack: () => void }>;

/** Lends one arena to all who read at the same time. */
export class SharedMemory {
  readonly #lend: LendArena;
  #current: Promise<{ memory: ReadMemory; giveBack: () => void }> | undefined;
  #users = 0;

  constructor(lend: LendArena) {
    this.#lend = lend;
  }

  /** Runs `work` with the arena. */
  async use<T>(work: (memory: ReadMemory) => Promise<T>): Promise<T> {
    this.#users++;
    this.#current ??= this.#open();
    const current = this.#current;
    try {
      return await work((await current).memory);
    } finally {
      this.#users--;
      if (this.#users === 0) {
        this.#current = undefined;
        await current.then(
          ({ giveBack }) => giveBack(),
          () => undefined,
        );
      }
    }
  }

  async #open(): Promise<{ memory: ReadMemory; giveBack: () => void }> {
    const { arena, kernels, giveBack } = await this.#lend();
    const slotsAt = arena.dataAt + STAGINGS * STAGING_BYTES;
    const memory = {
      arena,
      kernels,
      stagings: new Slots(arena.dataAt, STAGING_BYTES, STAGINGS),
      slots: new Slots(slotsAt, READ_SLOT_BYTES, READ_SLOTS),
      // Called while the arena is in use, so that it is this one.
      hold: (work: Promise<unknown>) => {
        this.use(() => work).catch(() => undefined);
      },
    };
    return { memory, giveBack };
  }
}
