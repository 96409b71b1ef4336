import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { idOf } from "../../base/id.ts";
import { AGENT_FILTER_MAX_BYTES, TRACKER_FILTERS_MAX_BYTES } from "../../base/limits.ts";
import { FILTER_MIN_BYTES, filterWords, ShardFilter } from "./filter.ts";
import { FilterRoom, type FilterPlace } from "./filter-room.ts";

const idNamed = (name: string): string => idOf(createHash("sha256").update(name).digest());

/** A place in `room` that it must have. */
function placeIn(room: FilterRoom<number>, sizeBytes: number, owner: number): FilterPlace {
  const place = room.take(sizeBytes, owner);
  assert.ok(place !== undefined);
  assert.equal(place.bytes.length, sizeBytes);
  return place;
}

test("find() gives those whose filter may hold the shard, whatever the sizes", () => {
  const room = new FilterRoom<number>();
  const filters = new Map<number, ShardFilter>();
  const places = new Map<number, FilterPlace>();
  const add = (owner: number, sizeBytes: number): void => {
    const place = placeIn(room, sizeBytes, owner);
    place.bytes.fill(0);
    const filter = new ShardFilter(place.bytes);
    for (let shard = 0; shard < sizeBytes / 2; shard++) filter.add(idNamed(`${owner} ${shard}`));
    assert.deepEqual(room.find(filterWords(idNamed(`${owner} 0`))).includes(owner), false);
    place.show();
    filters.set(owner, filter);
    places.set(owner, place);
  };
  const check = (): void => {
    for (let number = 0; number < 400; number++) {
      const words = filterWords(idNamed(`${number} ${number % 32}`));
      const wanted = [...filters].filter(([, filter]) => filter.mayHold(words));
      const found = room.find(words).toSorted((a, b) => a - b);
      assert.deepEqual(
        found,
        wanted.map(([owner]) => owner).toSorted((a, b) => a - b),
      );
      assert.equal(found.includes(number), filters.has(number));
    }
  };
  // More of the smallest than one page takes would be slow to fill: sizes are mixed instead.
  for (let owner = 0; owner < 300; owner++) add(owner, FILTER_MIN_BYTES * 2 ** (owner % 5));
  check();
  for (let owner = 0; owner < 300; owner += 3) {
    places.get(owner)?.leave();
    filters.delete(owner);
  }
  check();
  for (let owner = 300; owner < 350; owner++) add(owner, FILTER_MIN_BYTES);
  check();
});

test("there is so much room and no more, and what is left can be taken again", () => {
  const room = new FilterRoom<number>();
  const places: FilterPlace[] = [];
  const full = TRACKER_FILTERS_MAX_BYTES / AGENT_FILTER_MAX_BYTES;
  for (let owner = 0; owner < full; owner++) {
    places.push(placeIn(room, AGENT_FILTER_MAX_BYTES, owner));
  }
  assert.equal(room.freeBytes, 0);
  assert.equal(room.take(FILTER_MIN_BYTES, full), undefined);
  for (let twice = 0; twice < 2; twice++) places[7]?.leave();
  assert.equal(room.freeBytes, AGENT_FILTER_MAX_BYTES);
  const small = placeIn(room, FILTER_MIN_BYTES, full);
  assert.equal(room.take(AGENT_FILTER_MAX_BYTES, full), undefined, "a page of it is in use");
  small.leave();
  placeIn(room, AGENT_FILTER_MAX_BYTES, full);
  assert.equal(room.freeBytes, 0);
});
