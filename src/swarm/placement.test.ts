import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { idOf } from "../base/id.ts";
import { hash } from "../crypto/hash.node.ts";
import { codeFor, keeperCount, keepersOf, placeShards, rankHolders } from "./placement.ts";

const ids = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, index) =>
    idOf(hash(Uint8Array.of(index, (from + index) >> 8, from))),
  );

describe("codeFor()", () => {
  const table: [holders: number, k: number, r: number, n: number][] = [
    [1, 1, 1, 1],
    [2, 1, 1, 2],
    [3, 1, 2, 3],
    [4, 2, 3, 4],
    [5, 2, 4, 5],
    [6, 2, 5, 6],
    [7, 2, 5, 6],
    [8, 3, 6, 7],
    [9, 3, 7, 8],
    [10, 4, 8, 9],
    [11, 4, 8, 9],
    [12, 5, 10, 11],
    [14, 5, 10, 11],
    [15, 6, 12, 14],
    [19, 6, 12, 14],
    [20, 8, 17, 19],
    [39, 8, 17, 19],
    [40, 16, 31, 35],
    [1_000, 16, 31, 35],
  ];
  for (const [holders, k, r, n] of table) {
    test(`${holders} holders give ${k} of ${n}`, () =>
      assert.deepEqual(codeFor(holders), { k, r, n }));
  }
  test("nobody gives no code", () => assert.equal(codeFor(0), undefined));
  test("a code never wants more holders than there are", () => {
    for (let holders = 1; holders < 300; holders++) {
      const code = codeFor(holders);
      assert.ok(code !== undefined && code.n <= holders && code.k <= code.r && code.r <= code.n);
      assert.ok(keeperCount(code) > code.n - code.k, "one keeper outlives any loss that data does");
    }
  });
});

describe("keepersOf()", () => {
  test("gives the closest by XOR, the same for everybody, whatever the order of peers", () => {
    const peers = ids(40);
    const [key = ""] = ids(1, 99);
    const chosen = keepersOf(key, peers, 7);
    assert.equal(chosen.length, 7);
    assert.deepEqual(keepersOf(key, [...peers].reverse(), 7), chosen);
    assert.equal(keepersOf(key, [...peers, key], 1)[0], key, "distance 0 comes first");
    assert.equal(keepersOf(key, peers.slice(0, 3), 7).length, 3);
  });

  test("a peer that leaves moves one place only", () => {
    const peers = ids(40);
    const [key = ""] = ids(1, 99);
    const before = keepersOf(key, peers, 7);
    const after = keepersOf(
      key,
      peers.filter((peer) => peer !== before[2]),
      7,
    );
    assert.equal(after.filter((peer) => before.includes(peer)).length, 6);
  });
});

describe("rankHolders()", () => {
  test("depends on ids and holders alone, and spreads evenly", () => {
    const holders = ids(10);
    const firsts = new Map<string, number>();
    for (let stripe = 0; stripe < 2_000; stripe++) {
      const shards = [idOf(hash(Uint8Array.of(stripe & 255, stripe >> 8)))];
      const ranked = rankHolders(shards, holders);
      assert.deepEqual(rankHolders(shards, [...holders].reverse()), ranked);
      assert.equal(new Set(ranked).size, 10);
      const [first = ""] = ranked;
      firsts.set(first, (firsts.get(first) ?? 0) + 1);
    }
    for (const count of firsts.values()) assert.ok(count > 130 && count < 280, `${count} of 2,000`);
  });
});

describe("placeShards()", () => {
  const seedOf = (number: number): Uint8Array => hash(Uint8Array.of(number & 255, number >> 8));

  test("gives distinct holders with room, deterministically", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40 }),
        fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 40 }),
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 0, max: 65_535 }),
        (n, free, shardBytes, seed) => {
          const names = ids(free.length);
          const candidates = names.map((id, index) => ({ id, freeBytes: free[index] ?? 0 }));
          const placed = placeShards(n, candidates, shardBytes, seedOf(seed));
          const roomy = free.filter((bytes) => bytes >= shardBytes).length;
          assert.equal(placed.length, Math.min(n, roomy));
          assert.equal(new Set(placed).size, placed.length);
          const again = placeShards(n, [...candidates].reverse(), shardBytes, seedOf(seed));
          assert.deepEqual(again, placed);
        },
      ),
    );
  });

  test("takes one of each site before a second of any", () => {
    const candidates = ids(12).map((id, index) => ({
      id,
      freeBytes: 100,
      ...(index < 9 ? { site: `house ${index % 3}` } : {}),
    }));
    const siteOf = new Map(candidates.map(({ id, site }) => [id, site]));
    for (let seed = 0; seed < 200; seed++) {
      const placed = placeShards(6, candidates, 1, seedOf(seed));
      const houses = placed.map((id) => siteOf.get(id)).filter((site) => site !== undefined);
      assert.equal(new Set(houses).size, houses.length);
      assert.equal(placeShards(10, candidates, 1, seedOf(seed)).length, 10);
    }
  });

  test("prefers holders with more space, in proportion", () => {
    const [small = "", large = ""] = ids(2);
    const candidates = [
      { id: small, freeBytes: 1_000 },
      { id: large, freeBytes: 3_000 },
    ];
    let larger = 0;
    for (let seed = 0; seed < 4_000; seed++) {
      if (placeShards(1, candidates, 1, seedOf(seed))[0] === large) larger++;
    }
    assert.ok(larger > 2_850 && larger < 3_150, `${larger} of 4,000`);
  });
});
