import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AlignedPool } from "../../src/base/aligned.ts";
import type { Blobs } from "../../src/ports/blobs.ts";

const BLOCK = 1024 * 1024;
/** Around the page, the direct read and the block. */
const SIZES = [
  0,
  1,
  4095,
  4096,
  4097,
  131_071,
  131_072,
  BLOCK - 1,
  BLOCK,
  BLOCK + 1,
  2 * BLOCK + 17,
];

/** Bytes that differ from place to place and from seed to seed. */
export function patternOf(lengthBytes: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  let state = seed >>> 0 || 1;
  for (let index = 0; index < lengthBytes; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state;
  }
  return bytes;
}

/** Writes one blob in pieces. */
export async function put(
  blobs: Blobs,
  name: string,
  bytes: Uint8Array,
  options: { piece?: number; replace?: boolean } = {},
): Promise<void> {
  const { piece = Math.max(1, bytes.length), replace = false } = options;
  const writer = await blobs.create(name);
  // The same array again and again: a writer keeps nothing beyond its promise.
  const reused = new Uint8Array(piece);
  for (let at = 0; at < bytes.length; at += piece) {
    const part = bytes.subarray(at, at + piece);
    reused.set(part);
    await writer.write(reused.subarray(0, part.length));
    reused.fill(0xee);
  }
  await writer.commit({ replace });
}

/** All bytes of a blob. */
export async function get(blobs: Blobs, name: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(((await blobs.size(name)) ?? 0) + 1);
  return bytes.subarray(0, await blobs.read(name, 0, bytes));
}

/** What every Blobs does; `withBlobs` gives an empty store and clears it away. */
export function blobsContract(
  name: string,
  withBlobs: (work: (blobs: Blobs) => Promise<void>) => Promise<void>,
): void {
  const names = async (blobs: Blobs): Promise<string[]> => {
    const found: string[] = [];
    for await (const entry of blobs.list()) found.push(`${entry.name}:${entry.sizeBytes}`);
    return found.sort();
  };

  describe(`Blobs: ${name}`, () => {
    for (const piece of [1000, 4096, 256 * 1024, 3 * BLOCK]) {
      test(`blobs of all sizes come back, written in pieces of ${piece} bytes`, async () => {
        await withBlobs(async (blobs) => {
          for (const size of SIZES) {
            const bytes = patternOf(size, size);
            await put(blobs, `size-${size}`, bytes, { piece });
            assert.equal(await blobs.size(`size-${size}`), size);
            assert.deepEqual(await get(blobs, `size-${size}`), bytes, `size ${size}`);
          }
        });
      });
    }

    test("read() gives what there is of any range, into aligned targets and others", async () => {
      await withBlobs(async (blobs) => {
        const bytes = patternOf(BLOCK + 5000);
        await put(blobs, "ranged", bytes);
        const aligned = new AlignedPool(1, 2 * BLOCK).take();
        assert.ok(aligned);
        const offsets = [
          0,
          1,
          4095,
          4096,
          300_000,
          BLOCK,
          bytes.length - 1,
          bytes.length,
          2 * BLOCK,
        ];
        for (const offset of offsets) {
          for (const length of [0, 1, 4096, 131_072, 262_144, BLOCK + 4096, 2 * BLOCK]) {
            for (const target of [new Uint8Array(length), aligned.subarray(0, length)]) {
              target.fill(0xee);
              const got = await blobs.read("ranged", offset, target);
              const wanted = bytes.subarray(offset, offset + length);
              assert.equal(got, wanted.length, `${length} bytes at ${offset}`);
              assert.ok(Buffer.from(target.subarray(0, got)).equals(wanted), `${offset} ${length}`);
            }
          }
        }
      });
    });

    test("nothing is visible before commit(), nor after abort()", async () => {
      await withBlobs(async (blobs) => {
        const writer = await blobs.create("a");
        await writer.write(patternOf(10));
        assert.equal(await blobs.size("a"), undefined);
        assert.deepEqual(await names(blobs), []);
        await writer.abort();
        assert.equal(await blobs.size("a"), undefined);
        await assert.rejects(blobs.read("a", 0, new Uint8Array(1)), { code: "BLOB_MISSING" });
      });
    });

    test("commit() keeps what is there, with `replace` it replaces it", async () => {
      await withBlobs(async (blobs) => {
        await put(blobs, "a", patternOf(10, 1));
        await put(blobs, "a", patternOf(20, 2));
        assert.deepEqual(await get(blobs, "a"), patternOf(10, 1));
        await put(blobs, "a", patternOf(30, 3), { replace: true });
        assert.deepEqual(await get(blobs, "a"), patternOf(30, 3));
      });
    });

    test("list() names every blob once with its size, remove() removes", async () => {
      await withBlobs(async (blobs) => {
        for (let n = 0; n < 40; n++) await put(blobs, `blob.${n}`, patternOf(n));
        const all = Array.from({ length: 40 }, (_, n) => `blob.${n}:${n}`).sort();
        assert.deepEqual(await names(blobs), all);
        for (let n = 1; n < 40; n++) await blobs.remove(`blob.${n}`);
        await blobs.remove("never-there");
        assert.deepEqual(await names(blobs), ["blob.0:0"]);
      });
    });

    test("many writers at once, two of them of one name, do not mix", async () => {
      await withBlobs(async (blobs) => {
        const all = Array.from({ length: 40 }, (_, n) => n);
        const bytesOf = (n: number): Uint8Array => patternOf(50_000 + n, n);
        const piece = 8192;
        await Promise.all(all.map((n) => put(blobs, `n-${n}`, bytesOf(n), { piece })));
        for (const n of all) assert.deepEqual(await get(blobs, `n-${n}`), bytesOf(n));
        const twins = [put(blobs, "twin", patternOf(9)), put(blobs, "twin", patternOf(9))];
        await Promise.all(twins);
        assert.deepEqual(await get(blobs, "twin"), patternOf(9));
      });
    });

    test("a name that could leave the store is our own mistake", async () => {
      await withBlobs(async (blobs) => {
        for (const bad of ["", "../a", "a/b", "A", ".a", "ä", "a".repeat(81)]) {
          await assert.rejects(blobs.create(bad), { name: "InvariantError" }, bad);
        }
        await put(blobs, "a".repeat(80), patternOf(1));
      });
    });

    test("freeBytes() is a number of bytes", async () => {
      await withBlobs(async (blobs) => {
        const freeBytes = await blobs.freeBytes();
        assert.ok(Number.isFinite(freeBytes) && freeBytes > 0);
      });
    });
  });
}
