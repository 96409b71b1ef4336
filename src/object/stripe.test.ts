import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { noise } from "../../tests/noise.ts";
import { idOf } from "../base/id.ts";
import { CHUNK_MAX_BYTES, KIB, MIB, PACK_COPY_BELOW_BYTES } from "../base/limits.ts";
import { PACK_MAX_BYTES, STRIPE_MAX_BYTES } from "../base/limits.ts";
import { shardBytesOf } from "../codec/stripe.ts";
import { leafHashes, shardIdOf } from "../crypto/hash.node.ts";
import { createArena } from "../kernels/arena.ts";
import type { PlacedShard } from "../kernels/kernels.ts";
import { loadKernels } from "../kernels/load.node.ts";
import { CHUNK_OVERHEAD_BYTES } from "./chunk.ts";
import { PACK_OVERHEAD_BYTES } from "./pack.ts";
import { codeOfPack, codeWithinMemory, encodeStripe, isCodeUsable } from "./stripe.ts";
import { packAlignBytes, packMatches, packMaxBytes, shardAt, stripeBytes } from "./stripe.ts";

/** Codes of the default table and of the command line. */
const CODES = ["1/1", "1/2", "1/3", "2/4", "2/5", "2/6", "3/7", "3/8", "4/9", "5/10", "5/11"]
  .concat(["6/14", "8/19", "16/35"])
  .map((text) => {
    const [k = 0, n = 0] = text.split("/").map(Number);
    return { k, n };
  });
const anyCode = fc
  .tuple(fc.integer({ min: 1, max: 255 }), fc.integer({ min: 1, max: 255 }))
  .map(([a, b]) => ({ k: Math.min(a, b), n: Math.max(a, b) }));

const arena = createArena(4 * MIB);
const kernels = await loadKernels(arena);
const AT = arena.dataAt;
const idAt = (at: number, shardBytes: number): string =>
  idOf(shardIdOf(shardBytes, leafHashes(arena.bytes.subarray(at, at + shardBytes))));

describe("codes", () => {
  test("packs of the default codes are large, whole sectors a shard, and bounded in memory", () => {
    for (const code of CODES) {
      const packBytes = packMaxBytes(code);
      assert.ok(packBytes <= PACK_MAX_BYTES && packBytes >= 12 * MIB, `${code.k}/${code.n}`);
      assert.equal(packBytes % (code.k * 4096), 0);
      assert.ok(stripeBytes(packBytes, code) <= STRIPE_MAX_BYTES);
      assert.equal(isCodeUsable(code), true);
    }
  });

  test("no code makes a stripe larger than its bound, and usable ones hold every chunk", () => {
    fc.assert(
      fc.property(anyCode, (code) => {
        const packBytes = packMaxBytes(code);
        assert.ok(packBytes <= PACK_MAX_BYTES);
        assert.ok(stripeBytes(packBytes, code) <= STRIPE_MAX_BYTES);
        const overhead = CHUNK_OVERHEAD_BYTES + PACK_OVERHEAD_BYTES;
        assert.equal(isCodeUsable(code), packBytes >= CHUNK_MAX_BYTES + overhead);
      }),
    );
    assert.equal(isCodeUsable({ k: 2, n: 30 }), false);
  });

  test("a pack of any length can be coded anew within the bound, losing parity if it must", () => {
    fc.assert(
      fc.property(anyCode, fc.integer({ min: 1, max: PACK_MAX_BYTES }), (code, packBytes) => {
        const within = codeWithinMemory(packBytes, code);
        assert.ok(stripeBytes(packBytes, within) <= STRIPE_MAX_BYTES + code.k);
        assert.ok(within.n >= within.k);
        const wished = codeOfPack(packBytes, code);
        if (stripeBytes(packBytes, wished) <= STRIPE_MAX_BYTES) assert.deepEqual(within, wished);
      }),
    );
    assert.deepEqual(codeWithinMemory(16 * MIB, { k: 2, n: 6 }), { k: 2, n: 5 });
    assert.deepEqual(codeWithinMemory(16 * MIB, { k: 3, n: 8 }), { k: 3, n: 7 });
  });

  test("small packs are copied so often that as many losses are survived", () => {
    assert.deepEqual(codeOfPack(PACK_COPY_BELOW_BYTES - 1, { k: 5, n: 10 }), { k: 1, n: 6 });
    assert.deepEqual(codeOfPack(PACK_COPY_BELOW_BYTES, { k: 5, n: 10 }), { k: 5, n: 10 });
    assert.deepEqual(codeOfPack(1, { k: 1, n: 3 }), { k: 1, n: 3 });
  });

  test("shards of aligned packs are whole lanes, those of large ones whole sectors", () => {
    for (const code of CODES) {
      const small = packAlignBytes(MIB - 1, code) / code.k;
      assert.equal(small % 64, 0);
      assert.equal((packAlignBytes(MIB, code) / code.k) % 4096, 0);
    }
  });
});

describe("encodeStripe()", () => {
  test("any k of n shards give the pack back, and each id is that of its bytes", () => {
    const code = { k: 3, n: 6 };
    for (const packBytes of [1, 2, 3, 4, 191, 192, 200_000]) {
      const shardBytes = shardBytesOf(packBytes, code.k);
      const pack = noise(packBytes, packBytes);
      // Old bytes behind the pack must not become part of it.
      arena.bytes.fill(0xee, AT, AT + 8 * shardBytes + 1000);
      arena.bytes.set(pack, AT);
      const ids = encodeStripe(kernels, arena, AT, packBytes, code);
      ids.forEach((id, index) => {
        assert.equal(id, idAt(shardAt(AT, index, shardBytes, code.k), shardBytes));
      });
      const rebuiltAt = AT + 2 * MIB;
      const wanted = [0, 1, 2].map((index) => ({ index, at: rebuiltAt + index * shardBytes }));
      for (const present of choices(code.k, code.n)) {
        const shards: PlacedShard[] = present.map((index) => ({
          index,
          at: shardAt(AT, index, shardBytes, code.k),
        }));
        arena.bytes.fill(0x11, rebuiltAt, rebuiltAt + 3 * shardBytes);
        kernels.rebuild(code.k, shardBytes, shards, wanted);
        const rebuilt = arena.bytes.subarray(rebuiltAt, rebuiltAt + packBytes);
        assert.ok(Buffer.from(pack).equals(rebuilt), `${packBytes} bytes from ${present.join()}`);
        for (const { index, at } of wanted) assert.equal(idAt(at, shardBytes), ids[index]);
      }
    }
  });

  test("a stripe writes nothing behind its last shard", () => {
    const code = { k: 5, n: 10 };
    const end = AT + stripeBytes(100_001, code);
    arena.bytes.fill(0xee, AT, end + 4096);
    encodeStripe(kernels, arena, AT, 100_001, code);
    assert.ok(arena.bytes.subarray(end, end + 4096).every((byte) => byte === 0xee));
  });

  test("copies are one shard with one id and no parity", () => {
    const code = { k: 1, n: 4 };
    arena.bytes.fill(0xee, AT, AT + 3000);
    arena.bytes.set(noise(1000, 1), AT);
    const ids = encodeStripe(kernels, arena, AT, 1000, code);
    assert.equal(stripeBytes(1000, code), 1000);
    assert.deepEqual(
      ids,
      Array.from({ length: 4 }, () => idAt(AT, 1000)),
    );
    assert.equal(shardAt(AT, 3, 1000, 1), AT);
    assert.equal(arena.bytes[AT + 1000], 0xee);
  });

  test("parity rows of a shorter code are those of a longer one", () => {
    arena.bytes.set(noise(64 * KIB, 2), AT);
    const six = encodeStripe(kernels, arena, AT, 64 * KIB, { k: 4, n: 6 });
    const nine = encodeStripe(kernels, arena, AT, 64 * KIB, { k: 4, n: 9 });
    assert.deepEqual(nine.slice(0, 6), six);
  });
});

test("packMatches() tells a pack from one with a flipped bit, whatever lies behind it", () => {
  const packBytes = 100_001;
  const pack = noise(packBytes, 3);
  arena.bytes.set(pack, AT);
  const ids = encodeStripe(kernels, arena, AT, packBytes, { k: 3, n: 5 });
  const data = ids.slice(0, 3).map((id) => ({ id }));
  arena.bytes.fill(0xee, AT + packBytes, AT + packBytes + 100);
  assert.equal(packMatches(arena, AT, packBytes, data), true);
  for (const at of [0, 40_000, packBytes - 1]) {
    arena.bytes.set(pack, AT);
    arena.bytes[AT + at] = (pack[at] ?? 0) ^ 1;
    assert.equal(packMatches(arena, AT, packBytes, data), false);
  }
});

/** All choices of k of n numbers. */
function choices(k: number, n: number): number[][] {
  if (k === 0) return [[]];
  const found: number[][] = [];
  for (let last = k - 1; last < n; last++) {
    for (const rest of choices(k - 1, last)) found.push([...rest, last]);
  }
  return found;
}
