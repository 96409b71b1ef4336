import type { ShardId } from "../../base/id.ts";
import { AGENT_FILTER_MAX_BYTES } from "../../base/limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Inventory } from "../../ports/inventory.ts";
import { filterBytesFor, ShardFilter } from "./filter.ts";

/** How often the inventory is looked at, and the least time between two whole filters. */
export const SHELF_POLL_MS = 2_000;
export const SHELF_REBUILD_MS = 10_000;
/** A filter is made anew at least so often, whatever was counted. */
const SHELF_RENEW_MS = 3_600_000;
/** Rows looked at in one turn of the event loop, and turns between two pages. */
const PAGE_SHARDS = 1_000;
const PAGE_PAUSE_MS = 1;
/** More new shards than this at once go out as a whole filter. */
const ADDS_MAX = 1_000;

/** What is told to a tracker: single new shards, or that there is another filter. */
export interface ShelfListener {
  added(ids: readonly ShardId[]): void;
  replaced(): void;
}

/** The filter of what this peer holds, kept up to date for all trackers together. New shards are
 * added; when as many are held as went in no longer, it is made again. */
export class Shelf {
  readonly #inventory: Inventory;
  readonly #clock: Clock;
  readonly #listeners = new Set<ShelfListener>();
  #filter: ShardFilter | undefined;
  /** The last row that is in the filter. */
  #last = 0;
  #builtMs = 0;

  constructor(inventory: Inventory, clock: Clock) {
    this.#inventory = inventory;
    this.#clock = clock;
  }

  /** Undefined until it was made for the first time. */
  get filter(): ShardFilter | undefined {
    return this.#filter;
  }

  listen(listener: ShelfListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Keeps the filter up to date until `signal` is aborted; throws its reason. */
  async run(signal: AbortSignal): Promise<never> {
    for (;;) {
      const nowMs = this.#clock.monotonicMs();
      if (this.#filter === undefined || nowMs - this.#builtMs >= SHELF_RENEW_MS) {
        await this.#build(signal);
      } else {
        await this.#refresh(this.#filter, signal);
      }
      await this.#clock.sleep(SHELF_POLL_MS, signal);
    }
  }

  async #refresh(filter: ShardFilter, signal: AbortSignal): Promise<void> {
    const added: ShardId[] = [];
    const isWhole = await this.#read(filter, added, signal);
    if (isWhole && added.length > 0 && added.length <= ADDS_MAX) {
      for (const listener of this.#listeners) listener.added(added);
    }
    // The largest filter cannot grow: what came last is then not in it.
    const differs = isWhole
      ? filter.count !== this.#inventory.heldShards()
      : filter.bytes.length < AGENT_FILTER_MAX_BYTES;
    const isDue = this.#clock.monotonicMs() - this.#builtMs >= SHELF_REBUILD_MS;
    if (isDue && differs) await this.#build(signal);
    else if (added.length > ADDS_MAX) for (const each of this.#listeners) each.replaced();
  }

  async #build(signal: AbortSignal): Promise<void> {
    this.#builtMs = this.#clock.monotonicMs();
    this.#last = 0;
    // A quarter more than there are now, so that a busy holder need not begin again soon.
    const shards = Math.ceil(this.#inventory.heldShards() * 1.25);
    const filter = new ShardFilter(new Uint8Array(filterBytesFor(shards)));
    await this.#read(filter, [], signal);
    this.#filter = filter;
    for (const listener of this.#listeners) listener.replaced();
  }

  /** Takes in what came after the last row.
   * @param added where the ids go, more than ADDS_MAX of them are not of interest
   * @returns whether the filter had room for all */
  async #read(filter: ShardFilter, added: ShardId[], signal: AbortSignal): Promise<boolean> {
    for (;;) {
      const { ids, last } = this.#inventory.page(this.#last, PAGE_SHARDS);
      for (const id of ids) {
        if (filter.isFull) return false;
        filter.add(id);
        if (added.length <= ADDS_MAX) added.push(id);
      }
      if (last === this.#last) return true;
      this.#last = last;
      await this.#clock.sleep(PAGE_PAUSE_MS, signal);
    }
  }
}
