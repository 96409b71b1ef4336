import type { ShardId } from "../../base/id.ts";
import { FILTER_DISTANCE_MIN_MS } from "../../base/limits.ts";
import type { Clock } from "../../ports/clock.ts";
import { PART_BYTES } from "./dialogue.ts";
import { capacityOf, isFilterSize, ShardFilter } from "./filter.ts";
import type { FilterPlace } from "./filter-room.ts";

/** A filter on its way in. Without room its parts are let pass: the agent is then found by whatever
 * else knows what it holds. */
interface Arrival {
  place: FilterPlace | undefined;
  leftBytes: number;
  count: number;
}

/** Takes in what one agent says of its shards. Each method says whether an agent may say so. */
export class FilterInlet {
  readonly #take: (sizeBytes: number) => FilterPlace | undefined;
  readonly #clock: Clock;
  /** The last filter that came in whole. */
  #current: ShardFilter | undefined;
  #place: FilterPlace | undefined;
  #arrival: Arrival | undefined;
  #beganMs: number | undefined;

  /** @param take finds a place for a filter of this agent, where there is one */
  constructor(take: (sizeBytes: number) => FilterPlace | undefined, clock: Clock) {
    this.#take = take;
    this.#clock = clock;
  }

  begin(sizeBytes: number, count: number): boolean {
    const nowMs = this.#clock.monotonicMs();
    const isSoon = nowMs - (this.#beganMs ?? -Infinity) < FILTER_DISTANCE_MIN_MS;
    if (this.#arrival !== undefined || isSoon || !isFilterSize(sizeBytes)) return false;
    if (!(count <= capacityOf(sizeBytes))) return false;
    this.#beganMs = nowMs;
    this.#arrival = { place: this.#take(sizeBytes), leftBytes: sizeBytes, count };
    return true;
  }

  part(part: Uint8Array | undefined): boolean {
    const arrival = this.#arrival;
    if (arrival === undefined || part?.length !== Math.min(PART_BYTES, arrival.leftBytes)) {
      return false;
    }
    const bytes = arrival.place?.bytes;
    bytes?.set(part, bytes.length - arrival.leftBytes);
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
    this.#replace(undefined, undefined);
    this.#arrival?.place?.leave();
    this.#arrival = undefined;
  }

  #finish({ place, count }: Arrival): boolean {
    if (place === undefined) this.#replace(undefined, undefined);
    else {
      const filter = new ShardFilter(place.bytes, count);
      // Its memory is given back with the stream, which ends now.
      if (filter.isImplausible) return false;
      this.#replace(filter, place);
    }
    this.#arrival = undefined;
    return true;
  }

  #replace(filter: ShardFilter | undefined, place: FilterPlace | undefined): void {
    this.#place?.leave();
    place?.show();
    this.#current = filter;
    this.#place = place;
  }
}
