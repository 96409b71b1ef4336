import type { ShardId } from "../../base/id.ts";
import { FILTER_DISTANCE_MIN_MS, TRACKER_FILTERS_MAX_BYTES } from "../../base/limits.ts";
import type { Clock } from "../../ports/clock.ts";
import { PART_BYTES } from "./dialogue.ts";
import { capacityOf, isFilterSize, ShardFilter } from "./filter.ts";

/** The memory that a tracker has for filters. */
export class FilterRoom {
  #freeBytes = TRACKER_FILTERS_MAX_BYTES;

  get freeBytes(): number {
    return this.#freeBytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#freeBytes) return false;
    this.#freeBytes -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#freeBytes += bytes;
  }
}

/** A filter on its way in. Without room its parts are let pass: the agent is then found by whatever
 * else knows what it holds. */
interface Arrival {
  bytes: Uint8Array | undefined;
  leftBytes: number;
  count: number;
}

/** Takes in what one agent says of its shards. Each method says whether an agent may say so. */
export class FilterInlet {
  readonly #room: FilterRoom;
  readonly #clock: Clock;
  #current: ShardFilter | undefined;
  #arrival: Arrival | undefined;
  #beganMs: number | undefined;

  constructor(room: FilterRoom, clock: Clock) {
    this.#room = room;
    this.#clock = clock;
  }

  /** The last filter that came in whole. */
  get current(): ShardFilter | undefined {
    return this.#current;
  }

  begin(sizeBytes: number, count: number): boolean {
    const nowMs = this.#clock.monotonicMs();
    const isSoon = nowMs - (this.#beganMs ?? -Infinity) < FILTER_DISTANCE_MIN_MS;
    if (this.#arrival !== undefined || isSoon || !isFilterSize(sizeBytes)) return false;
    if (!(count <= capacityOf(sizeBytes))) return false;
    this.#beganMs = nowMs;
    const bytes = this.#room.take(sizeBytes) ? new Uint8Array(sizeBytes) : undefined;
    this.#arrival = { bytes, leftBytes: sizeBytes, count };
    return true;
  }

  part(part: Uint8Array | undefined): boolean {
    const arrival = this.#arrival;
    if (arrival === undefined || part?.length !== Math.min(PART_BYTES, arrival.leftBytes)) {
      return false;
    }
    arrival.bytes?.set(part, arrival.bytes.length - arrival.leftBytes);
    arrival.leftBytes -= part.length;
    return arrival.leftBytes > 0 || this.#finish(arrival);
  }

  add(id: ShardId | undefined): boolean {
    if (id === undefined || this.#arrival !== undefined) return false;
    if (this.#current === undefined) return this.#beganMs !== undefined;
    if (this.#current.isFull) return false;
    this.#current.add(id);
    return true;
  }

  /** Gives the memory back. */
  close(): void {
    this.#replace(undefined);
    this.#room.give(this.#arrival?.bytes?.length ?? 0);
    this.#arrival = undefined;
  }

  #finish({ bytes, count }: Arrival): boolean {
    if (bytes === undefined) this.#replace(undefined);
    else {
      const filter = new ShardFilter(bytes, count);
      // Its memory is given back with the stream, which ends now.
      if (filter.isImplausible) return false;
      this.#replace(filter);
    }
    this.#arrival = undefined;
    return true;
  }

  #replace(filter: ShardFilter | undefined): void {
    this.#room.give(this.#current?.bytes.length ?? 0);
    this.#current = filter;
  }
}
