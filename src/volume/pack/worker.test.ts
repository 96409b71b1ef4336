import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { after, describe, test } from "node:test";
import { noise, prose } from "../../../tests/noise.ts";
import { LIVE, PackingHome } from "../../../tests/packing.ts";
import { toHex } from "../../../tests/vectors/read.ts";
import { utf8 } from "../../base/bytes.ts";
import { CHUNK_MAX_BYTES, KIB, MIB } from "../../base/limits.ts";
import type { PackKind } from "../../codec/pack.ts";
import { chunkNameOf } from "../../object/chunk.ts";
import { deriveVolumeKeys } from "../../object/keys.ts";
import type { PackSession } from "./session.ts";
import type { ReadyStripe } from "./messages.ts";
import { PACK_SLOTS } from "./worker.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-pack-"));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

function fileOf(bytes: Uint8Array): Uint8Array {
  const path = join(folder, `file-${files++}`);
  writeFileSync(path, bytes);
  return utf8(path);
}

/** Blocks of a stream, counting those that were pulled. */
class Blocks {
  pulled = 0;
  readonly #blocks: readonly Uint8Array[];
  constructor(blocks: readonly Uint8Array[]) {
    this.#blocks = blocks;
  }
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (const block of this.#blocks) {
      this.pulled++;
      yield block;
    }
  }
}

function blocksOf(bytes: Uint8Array, blockBytes: number): Uint8Array[] {
  const count = Math.ceil(bytes.length / blockBytes);
  return Array.from({ length: count }, (_, at) =>
    bytes.slice(at * blockBytes, (at + 1) * blockBytes),
  );
}

async function settle(): Promise<void> {
  for (let count = 0; count < 50; count++) await turn();
}

const idsOf = (stripes: readonly Pick<ReadyStripe, "ids">[]): string[] =>
  stripes.map(({ ids }) => ids.join());
const addAll = async (
  session: PackSession,
  kind: PackKind,
  raws: readonly Uint8Array[],
): Promise<Uint8Array[]> => {
  const names: Uint8Array[] = [];
  for (const raw of raws) names.push(await session.add(kind, raw, LIVE));
  return names;
};

describe("pack session", () => {
  test("a file comes back from its shards, and its trailers name what is in them", async () => {
    const home = new PackingHome();
    for (const size of [0, 1, 255 * KIB, 256 * KIB + 1, 4 * MIB, 9 * MIB + 17]) {
      const bytes = noise(size, size);
      const { entry, counts } = await home.with((s) => s.scan(fileOf(bytes), [], LIVE));
      assert.ok(Buffer.from(bytes).equals(home.readFile(entry)), `${size} bytes`);
      assert.deepEqual(counts, { files: 1, directories: 0, bytes: size, newBytes: size });
    }
    home.checkTrailers();
  });

  test("a file of over 64 chunks has list nodes, in bounded memory", async () => {
    const home = new PackingHome();
    const bytes = noise(70 * MIB, 1);
    const { entry } = await home.with((s) => s.scan(fileOf(bytes), [], LIVE));
    assert.equal(entry.kind === "file" && entry.content.levels, 1);
    assert.ok(entry.kind === "file" && home.chunkNames(entry.content).length > 64);
    assert.ok(Buffer.from(bytes).equals(home.readFile(entry)));
    const data = home.stripes.filter(({ kind }) => kind === "data");
    const places = new Set(data.map(({ at }) => at));
    assert.ok(places.size <= PACK_SLOTS);
    assert.ok(home.progress.length > 5 && (home.progress.at(-1) ?? 0) <= bytes.length);
  });

  test("the same bytes are stored once, within a session and across sessions", async () => {
    const home = new PackingHome();
    const bytes = noise(3 * MIB, 2);
    const first = await home.with(async (session) => {
      const one = await session.scan(fileOf(bytes), [], LIVE);
      const two = await session.scan(fileOf(bytes), [], LIVE);
      assert.equal(two.counts.newBytes, 0);
      return one;
    });
    const stripes = home.stripes.length;
    const again = await home.with((s) => s.scan(fileOf(bytes), [], LIVE));
    assert.equal(again.counts.newBytes, 0);
    assert.equal(home.stripes.length, stripes);
    assert.deepEqual(
      again.entry.kind === "file" && again.entry.content,
      first.entry.kind === "file" && first.entry.content,
    );
    const longer = new Uint8Array([1, 2, 3, ...bytes]);
    const { entry, counts } = await home.with((s) => s.scan(fileOf(longer), [], LIVE));
    assert.ok(counts.newBytes < longer.length, "chunks behind the insertion are known");
    assert.ok(Buffer.from(longer).equals(home.readFile(entry)));
  });

  test("another volume's keys give other names, cuts and shards", async () => {
    const bytes = noise(5 * MIB, 3);
    const homes = [new PackingHome(), new PackingHome(deriveVolumeKeys(new Uint8Array(32)))];
    const sizes: string[] = [];
    for (const home of homes) {
      const { entry } = await home.with((s) => s.scan(fileOf(bytes), [], LIVE));
      assert.ok(entry.kind === "file");
      const cuts = home.chunkNames(entry.content).map((name) => home.readChunk(name).length);
      sizes.push(cuts.join());
    }
    assert.notEqual(sizes[0], sizes[1]);
    const [one, two] = homes.map(({ shards }) => new Set(shards.keys()));
    assert.ok([...(one ?? [])].every((id) => two?.has(id) === false));
  });

  test("data, tree and index chunks lie in packs of their own", async () => {
    const home = new PackingHome();
    const kinds: PackKind[] = ["data", "tree", "index"];
    const raws = kinds.map((_, seed) => prose(3000, seed));
    await home.with(async (session) => {
      for (const [at, kind] of kinds.entries()) await addAll(session, kind, raws.slice(at, at + 1));
    });
    assert.deepEqual(home.stripes.map(({ kind }) => kind).sort(), kinds.toSorted());
    for (const [at, kind] of kinds.entries()) {
      const stripe = home.stripes.find((each) => each.kind === kind);
      const name = chunkNameOf(home.keys, raws[at] ?? new Uint8Array());
      assert.deepEqual(
        stripe?.entries.map((entry) => toHex(entry.name)),
        [toHex(name)],
      );
      assert.deepEqual(home.readChunk(name), raws[at]);
    }
    assert.equal(home.packs("tree").length, 1);
  });

  test("each code makes stripes of its n shards, small packs are copied", async () => {
    for (const code of [
      { k: 1, n: 1 },
      { k: 1, n: 3 },
      { k: 3, n: 7 },
      { k: 5, n: 10 },
    ]) {
      const home = new PackingHome();
      const bytes = noise(600 * KIB, code.n);
      const { entry } = await home.with((s) => s.scan(fileOf(bytes), [], LIVE), code);
      assert.ok(Buffer.from(bytes).equals(home.readFile(entry)));
      assert.deepEqual(home.stripes.at(-1)?.code, code);
      assert.equal(home.stripes.at(-1)?.ids.length, code.n);
      await home.with((session) => addAll(session, "tree", [noise(10, 1)]), code);
      assert.deepEqual(home.stripes.at(-1)?.code, { k: 1, n: code.n - code.k + 1 });
    }
  });

  test("a put that was cut and is run again makes the packs that are missing as they were", async () => {
    const bytes = noise(60 * MIB, 4);
    const path = fileOf(bytes);
    const whole = new PackingHome();
    await whole.with((s) => s.scan(path, [], LIVE));
    const all = idsOf(whole.stripes);
    assert.ok(all.length >= 4);
    // Stripes are stored in any order, and any of them may be missing.
    for (const lost of [[0], [1], [2], [0, 2], [1, 2], all.map((_, at) => at)]) {
      const home = new PackingHome();
      await storeBut(home, whole, lost);
      const { entry } = await home.with((s) => s.scan(path, [], LIVE));
      const expected = lost.map((at) => all[at]);
      assert.deepEqual(
        idsOf(home.stripes).filter((ids) => !expected.includes(ids)),
        [],
      );
      assert.equal(home.stripes.length, lost.length);
      assert.ok(Buffer.from(bytes).equals(home.readFile(entry)));
    }
  });

  test("a pack that is made again ends where it ended, though later chunks would fit", async () => {
    const sizes = [4, 4, 4, 4, 4, 4, 3.5, 1, 1];
    const raws = sizes.map((mib, seed) => noise(mib * MIB - 10, seed));
    const whole = new PackingHome();
    await whole.with((session) => addAll(session, "data", raws));
    const counts = whole.stripes.map(({ entries }) => entries.length);
    assert.deepEqual(counts, [3, 4, 2]);
    const home = new PackingHome();
    await storeBut(home, whole, [0, 2]);
    await home.with((session) => addAll(session, "data", raws));
    const [first, , last] = idsOf(whole.stripes);
    assert.deepEqual(idsOf(home.stripes), [first, last]);
  });

  test("a holder side that stands still stops the reading after a few packs", async () => {
    const home = new PackingHome();
    const gate = Promise.withResolvers<void>();
    home.beforeStore = () => gate.promise;
    const blocks = new Blocks(blocksOf(noise(70 * MIB, 5), 256 * KIB));
    const session = home.open();
    const storing = session.stream(blocks, 0, LIVE);
    await settle();
    for (let before = -1; before !== blocks.pulled; await settle()) before = blocks.pulled;
    const pulledBytes = blocks.pulled * 256 * KIB;
    assert.equal(home.stripes.length, 2);
    assert.ok(pulledBytes < 3 * 16 * MIB + 16 * MIB, `${pulledBytes} bytes were pulled`);
    gate.resolve();
    const { entry } = await storing;
    await session.flush(LIVE);
    await session.close();
    assert.equal(entry.kind === "file" && entry.sizeBytes, 70 * MIB);
  });
});

/** Gives `home` what `whole` has but for some stripes, as after a put that was cut. */
async function storeBut(home: PackingHome, whole: PackingHome, lost: number[]): Promise<void> {
  whole.stripes.forEach(({ kind, packBytes, code, ids, entries }, at) => {
    if (lost.includes(at)) return;
    for (const id of ids) home.shards.set(id, whole.shards.get(id) ?? new Uint8Array());
    const shards = ids.map((id) => ({ id, holder: undefined }));
    home.index.addPack({ kind, stripe: { packBytes, ...code, shards }, entries }, false);
  });
}

describe("stream", () => {
  test("a stream of any blocks is the file of its bytes", async () => {
    const bytes = noise(6 * MIB + 5, 6);
    for (const blockBytes of [1000 * KIB, 65_536, 7919 * 3]) {
      const home = new PackingHome();
      const blocks = [new Uint8Array(), ...blocksOf(bytes, blockBytes), new Uint8Array()];
      const { entry, counts } = await home.with((s) => s.stream(new Blocks(blocks), 1234.5, LIVE));
      assert.ok(Buffer.from(bytes).equals(home.readFile(entry)));
      assert.equal(entry.mtimeNs, 1_234_000_000n);
      assert.equal(counts.bytes, bytes.length);
    }
    const home = new PackingHome();
    const { entry } = await home.with((s) => s.stream(new Blocks([]), 0, LIVE));
    assert.deepEqual(home.readFile(entry), new Uint8Array());
  });

  test("a stream is cut as a file of the same bytes", async () => {
    const bytes = noise(7 * MIB, 7);
    const home = new PackingHome();
    const stream = await home.with((s) => s.stream(new Blocks(blocksOf(bytes, 99_991)), 0, LIVE));
    const file = await home.with((s) => s.scan(fileOf(bytes), [], LIVE));
    assert.equal(file.counts.newBytes, 0);
    assert.deepEqual(
      stream.entry.kind === "file" && stream.entry.content,
      file.entry.kind === "file" && file.entry.content,
    );
  });

  test("a source that fails ends the call with its error", async () => {
    const home = new PackingHome();
    const session = home.open();
    const failing = (async function* (): AsyncGenerator<Uint8Array> {
      yield noise(100, 1);
      throw new Error("the pipe broke");
    })();
    await assert.rejects(session.stream(failing, 0, LIVE), /the pipe broke/);
    await session.close();
  });

  test("storing that fails ends the call, even while the source gives nothing", async () => {
    const home = new PackingHome();
    home.beforeStore = () => Promise.reject(new Error("disk full"));
    const session = home.open();
    const endless = (async function* (): AsyncGenerator<Uint8Array> {
      for (let seed = 0; seed < 200; seed++) yield noise(256 * KIB, seed);
      await new Promise(() => undefined);
    })();
    await assert.rejects(session.stream(endless, 0, LIVE), /disk full/);
    await assert.rejects(session.flush(LIVE), /disk full/);
    await assert.rejects(session.add("tree", noise(10, 1), LIVE), /disk full/);
    await session.close();
  });

  test("an abort ends the call while it waits for the source or for credits", async () => {
    for (const blocks of [1, 1000]) {
      const home = new PackingHome();
      const gate = Promise.withResolvers<void>();
      home.beforeStore = () => gate.promise;
      const session = home.open();
      const abort = new AbortController();
      const source = (async function* (): AsyncGenerator<Uint8Array> {
        for (let seed = 0; seed < blocks; seed++) yield noise(256 * KIB, seed % 100);
        await new Promise(() => undefined);
      })();
      const storing = session.stream(source, 0, abort.signal);
      await settle();
      abort.abort(new Error("enough"));
      await assert.rejects(storing, /enough/);
      gate.resolve();
      await session.close();
    }
  });
});

describe("recode", () => {
  test("a pack in a slot becomes the stripe of another code", async () => {
    const home = new PackingHome();
    const raw = noise(MIB, 8);
    await home.with((session) => addAll(session, "data", [raw]), { k: 1, n: 1 });
    const local = home.stripes[0];
    assert.ok(local !== undefined);
    const pack = home.packOf(local).slice();
    const session = home.open();
    const { slot, at } = await session.slot(LIVE);
    home.fill(at, pack);
    session.recode(slot, "data", pack.length, { k: 3, n: 5 });
    await session.flush(LIVE);
    await session.close();
    const coded = home.stripes[1];
    assert.ok(coded !== undefined && coded.ids.length === 5);
    assert.deepEqual(coded.entries, []);
    assert.ok(Buffer.from(pack).equals(home.packOf(coded)));
  });

  test("slots that are given back can be taken again", async () => {
    const home = new PackingHome();
    const session = home.open();
    for (let round = 0; round < PACK_SLOTS * 3; round++) {
      const { slot } = await session.slot(LIVE);
      session.release(slot);
    }
    const taken = new Set<number>();
    for (let each = 0; each < PACK_SLOTS; each++) taken.add((await session.slot(LIVE)).slot);
    assert.equal(taken.size, PACK_SLOTS);
    const abort = new AbortController();
    const waiting = session.slot(abort.signal);
    await settle();
    abort.abort(new Error("no slot"));
    await assert.rejects(waiting, /no slot/);
    await session.close();
  });

  test("a stripe that would not fit its slot ends the session instead of others' bytes", async () => {
    const home = new PackingHome();
    const session = home.open();
    const { slot } = await session.slot(LIVE);
    session.recode(slot, "data", 16 * MIB, { k: 2, n: 6 });
    await assert.rejects(session.flush(LIVE), { code: "WORKER_FAILED" });
    await session.close();
  });

  test("a chunk larger than the limit is a broken invariant, not a broken pack", async () => {
    const home = new PackingHome();
    const session = home.open();
    const tooLong = session.add("data", noise(CHUNK_MAX_BYTES + 1, 1), LIVE);
    await assert.rejects(tooLong, { code: "WORKER_FAILED" });
    await session.close();
  });
});
