import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import { noise } from "../../../tests/noise.ts";
import { LIVE, PackingHome } from "../../../tests/packing.ts";
import { toHex } from "../../../tests/vectors/read.ts";
import { openDatabase } from "../../adapters/database.node.ts";
import { utf8 } from "../../base/bytes.ts";
import { idOf } from "../../base/id.ts";
import type { ShardId } from "../../base/id.ts";
import { PACK_CHUNKS_MAX } from "../../base/limits.ts";
import type { RecordEntry } from "../../codec/record.ts";
import { decodeSnapshot } from "../../codec/snapshot.ts";
import type { TreeEntry } from "../../codec/tree.ts";
import { signingKeyOf } from "../../crypto/sign.node.ts";
import { VolumeError } from "../error.ts";
import { writeContent, writeDirectory } from "../tree/write.ts";
import { publish } from "./publish.ts";
import { recoverState } from "./recover.ts";
import type { RecoverParts } from "./recover.ts";
import { EMPTY_STATE, readVolumeState } from "./state.ts";
import type { VolumeState } from "./state.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-publish-"));
after(() => rmSync(folder, { recursive: true }));
const device = signingKeyOf(new Uint8Array(32).fill(8));
const DEVICE = idOf(device.publicKey);

/** Record keepers: they keep the highest number, and may be away. */
class Keepers {
  newest: RecordEntry | undefined;
  answered = 5;
  readonly asked = 5;
  /** What the next writing does instead. */
  fault: "crash" | "too few" | undefined;

  async write(record: RecordEntry): Promise<boolean> {
    const { fault } = this;
    this.fault = undefined;
    if (fault === "crash") throw new Error("killed");
    if (fault === "too few") return false;
    if (this.newest !== undefined && this.newest.number > record.number) {
      throw new VolumeError("HEAD_ROLLED_BACK", "a keeper has more");
    }
    this.newest = record;
    return true;
  }
}

let shards: Map<ShardId, Uint8Array>;
let keepers: Keepers;
beforeEach(() => {
  shards = new Map();
  keepers = new Keepers();
});

const homeAt = (path = ":memory:"): PackingHome => new PackingHome(undefined, shards, path);

async function republish(home: PackingHome, state: VolumeState): Promise<VolumeState> {
  return home.with((session) => publish(partsOf(home), session, state, undefined, LIVE));
}

function partsOf(home: PackingHome): Parameters<typeof publish>[0] {
  const { index, keys } = home;
  const write = (record: RecordEntry): Promise<boolean> => keepers.write(record);
  return { index, keys, device, nowMs: () => 1e12, epoch: () => 20_000, writeHead: write };
}

/** Puts files into the root directory, as the only ones there. */
async function put(
  home: PackingHome,
  state: VolumeState,
  files: Record<string, Uint8Array>,
  message = "put",
): Promise<VolumeState> {
  return home.with(async (session) => {
    const sink = (bytes: Uint8Array): Promise<Uint8Array> => session.add("tree", bytes, LIVE);
    const entries: TreeEntry[] = [];
    for (const [name, bytes] of Object.entries(files)) {
      const content = await writeContent([await session.add("data", bytes, LIVE)], sink);
      const common = { name: utf8(name), mtimeNs: 0n, mode: 0o644, sizeBytes: bytes.length };
      entries.push({ ...common, kind: "file", content });
    }
    const tree = await writeDirectory(entries, sink);
    return publish(partsOf(home), session, state, { tree, message }, LIVE);
  });
}

function recover(home: PackingHome, isNew = false): Promise<VolumeState> {
  const swarm = {
    readRecord: async () => {
      const { newest, answered, asked } = keepers;
      return {
        ...(newest !== undefined && answered > 0 ? { record: newest } : {}),
        answered,
        asked,
      };
    },
  };
  const readChunk = async (name: Uint8Array): Promise<Uint8Array> => home.readChunk(name);
  const parts: RecoverParts = { index: home.index, keys: home.keys, device, swarm, readChunk };
  return recoverState(parts, { k: 2, n: 3 }, isNew, LIVE);
}

/** All files of the newest snapshot, read through the index. */
function filesOf(home: PackingHome, state: VolumeState): Record<string, Uint8Array> {
  assert.ok(state.tree !== undefined);
  const entries = home.readDirectory(state.tree);
  return Object.fromEntries(
    entries.map((entry) => [Buffer.from(entry.name).toString(), home.readFile(entry)]),
  );
}

/** What an index knows, whatever its row numbers are. */
function contentOf({ index }: PackingHome): unknown {
  const packs = index.packsAfter(0, 10_000, false);
  return packs
    .map(({ id, kind, stripe }) => ({ kind, stripe, entries: index.entriesOf(id).map(shownEntry) }))
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function shownEntry(entry: { name: Uint8Array; offset: number; lengthBytes: number }): unknown {
  return { ...entry, name: toHex(entry.name) };
}

const bytesOf = (state: VolumeState): unknown => ({
  ...state,
  tree: toHex(state.tree ?? new Uint8Array()),
  snapshot: toHex(state.snapshot ?? new Uint8Array()),
});

describe("publish()", () => {
  test("heads and snapshots are numbered, each snapshot names the one before", async () => {
    const home = homeAt();
    let state: VolumeState = EMPTY_STATE;
    for (let number = 1; number <= 3; number++) {
      const before = state;
      state = await put(home, state, { file: noise(100, number) }, `put ${number}`);
      assert.equal(state.headNumber, number);
      assert.equal(state.snapshotNumber, number);
      assert.equal(state.headKept, true);
      assert.equal(keepers.newest?.number, BigInt(number));
      assert.equal(keepers.newest?.expires, 20_400);
      const snapshot = decodeSnapshot(home.readChunk(state.snapshot ?? new Uint8Array()));
      assert.equal(snapshot.message, `put ${number}`);
      assert.equal(snapshot.timeMs, 1e12);
      assert.deepEqual(snapshot.tree, state.tree);
      const parents = snapshot.parents.map((parent) => [parent.number, toHex(parent.snapshot)]);
      const parent = before.snapshot;
      assert.deepEqual(parents, parent === undefined ? [] : [[number - 1, toHex(parent)]]);
    }
    assert.deepEqual(bytesOf(readVolumeState(home.index) ?? EMPTY_STATE), bytesOf(state));
  });

  test("a head without a new snapshot has a number of its own and the same snapshot", async () => {
    const home = homeAt();
    const state = await put(home, EMPTY_STATE, { file: noise(100, 1) });
    const again = await republish(home, state);
    assert.equal(again.headNumber, 2);
    assert.equal(again.snapshotNumber, 1);
    assert.deepEqual(again.snapshot, state.snapshot);
    const recovered = await recover(homeAt());
    assert.deepEqual(bytesOf(recovered), bytesOf(again));
  });

  test("a head that too few keepers took is known as such and published again", async () => {
    const home = homeAt();
    keepers.fault = "too few";
    const state = await put(home, EMPTY_STATE, { file: noise(100, 1) });
    assert.equal(state.headKept, false);
    assert.equal(readVolumeState(home.index)?.headKept, false);
    const again = await republish(home, state);
    assert.equal(again.headKept, true);
    assert.equal(again.headNumber, 2);
  });

  test("a kill between the local step and the head loses nothing", async () => {
    const home = homeAt();
    const first = await put(home, EMPTY_STATE, { one: noise(100, 1) });
    keepers.fault = "crash";
    await assert.rejects(put(home, first, { one: noise(100, 1), two: noise(100, 2) }), /killed/);
    assert.equal(keepers.newest?.number, 1n);
    const local = await recover(home);
    assert.equal(local.headNumber, 2);
    assert.equal(local.headKept, false);
    assert.deepEqual(Object.keys(filesOf(home, local)), ["one", "two"]);
    const finished = await republish(home, local);
    assert.equal(finished.headNumber, 3);
    const elsewhere = homeAt();
    const recovered = await recover(elsewhere);
    assert.deepEqual(Object.keys(filesOf(elsewhere, recovered)), ["one", "two"]);
  });

  test("a message of any length makes a snapshot that can be read", async () => {
    const home = homeAt();
    for (const message of ["x".repeat(5000), "\u{1f40b}".repeat(1000), "\ud800 alone", ""]) {
      const state = await put(home, EMPTY_STATE, { file: noise(10, 1) }, message);
      const snapshot = decodeSnapshot(home.readChunk(state.snapshot ?? new Uint8Array()));
      assert.ok(snapshot.message.length <= 1024);
      assert.equal(snapshot.message.slice(0, 3), message.toWellFormed().slice(0, 3));
      keepers.newest = undefined;
    }
  });

  test("segments are merged before there are too many, and the index stays whole", async () => {
    const home = homeAt();
    let state: VolumeState = EMPTY_STATE;
    const files: Record<string, Uint8Array> = {};
    const counts: number[] = [];
    for (let number = 0; number < 36; number++) {
      files[`file ${number}`] = noise(50, number);
      state = await put(home, state, files);
      counts.push(home.index.segments().length);
    }
    assert.equal(Math.max(...counts), 33);
    assert.ok((counts.at(-1) ?? 0) < 5);
    const elsewhere = homeAt();
    const recovered = await recover(elsewhere);
    assert.deepEqual(filesOf(elsewhere, recovered), files);
    assert.deepEqual(contentOf(elsewhere), contentOf(home));
  });

  test("packs of as many chunks as there can be fit into segments", async () => {
    const home = homeAt();
    for (let pack = 0; pack < 3; pack++) {
      const shard = { id: idOf(noise(32, pack)), holder: DEVICE };
      const names = noise(32 * PACK_CHUNKS_MAX, pack);
      const entries = Array.from({ length: PACK_CHUNKS_MAX }, (_, at) => ({
        name: names.slice(at * 32, at * 32 + 32),
        offset: at * 500,
        lengthBytes: 500,
      }));
      const stripe = { packBytes: 16 * 1024 * 1024, k: 1, n: 1, shards: [shard] };
      home.index.transaction(() => home.index.addPack({ kind: "data", stripe, entries }, false));
    }
    await put(home, EMPTY_STATE, { file: noise(10, 1) });
    assert.ok(home.index.segments().length >= 2);
    const elsewhere = homeAt();
    await recover(elsewhere);
    assert.deepEqual(elsewhere.index.findChunk(noise(32, 2))?.lengthBytes, 500);
  });
});

describe("recoverState()", () => {
  test("from the keys alone the index is what it was", async () => {
    const home = homeAt();
    let state: VolumeState = EMPTY_STATE;
    const files = { a: noise(1000, 1), b: noise(100_000, 2), c: noise(0, 3) };
    state = await put(home, state, { a: files.a });
    state = await put(home, state, files);
    const elsewhere = homeAt();
    const recovered = await recover(elsewhere);
    assert.deepEqual(bytesOf(recovered), bytesOf(state));
    assert.deepEqual(contentOf(elsewhere), contentOf(home));
    assert.deepEqual(filesOf(elsewhere, recovered), files);
    const unpublished = (each: PackingHome): number => each.index.packsAfter(0, 99, true).length;
    assert.equal(unpublished(elsewhere), unpublished(home));
    assert.deepEqual(
      elsewhere.index.segments().map(({ name }) => toHex(name)),
      home.index.segments().map(({ name }) => toHex(name)),
    );
    const next = await put(elsewhere, recovered, { ...files, d: noise(10, 4) });
    assert.equal(next.headNumber, 3);
    assert.equal(next.snapshotNumber, 3);
  });

  test("an older copy of the database takes over the newer head", async () => {
    const path = join(folder, "older");
    const home = homeAt(join(folder, "live"));
    const first = await put(home, EMPTY_STATE, { a: noise(1000, 1) });
    copyDatabase(join(folder, "live"), path);
    const second = await put(home, first, { a: noise(1000, 1), b: noise(1000, 2) });
    const older = homeAt(path);
    assert.equal(readVolumeState(older.index)?.headNumber, 1);
    const adopted = await recover(older);
    assert.deepEqual(bytesOf(adopted), bytesOf(second));
    assert.deepEqual(contentOf(older), contentOf(home));
    older.index.close();
    home.index.close();
  });

  test("what an abandoned head published is published again by the next one", async () => {
    const home = homeAt(join(folder, "one"));
    const first = await put(home, EMPTY_STATE, { a: noise(1000, 1) });
    copyDatabase(join(folder, "one"), join(folder, "restored"));
    let ahead = first;
    for (let seed = 2; seed < 5; seed++) ahead = await put(home, ahead, { b: noise(1000, seed) });
    // The restored copy does not know of the three heads and publishes a second one of its own.
    const restored = homeAt(join(folder, "restored"));
    const mine = { c: noise(5000, 9) };
    await assert.rejects(put(restored, first, mine), { code: "HEAD_ROLLED_BACK" });
    const adopted = await recover(restored);
    assert.equal(adopted.headNumber, ahead.headNumber);
    // Its chunks are known already: only the index tells others where they are.
    const next = await put(restored, adopted, mine);
    assert.equal(next.headNumber, ahead.headNumber + 1);
    const elsewhere = homeAt();
    assert.deepEqual(filesOf(elsewhere, await recover(elsewhere)), mine);
    restored.index.close();
    home.index.close();
  });

  test("a pack that was coded anew elsewhere replaces its older form", async () => {
    const home = homeAt(join(folder, "coded"));
    const first = await put(home, EMPTY_STATE, { a: noise(1000, 1) });
    copyDatabase(join(folder, "coded"), join(folder, "uncoded"));
    const [pack] = home.index.packsAfter(0, 1, false);
    assert.ok(pack !== undefined);
    const shard = pack.stripe.shards[0];
    assert.ok(shard !== undefined && pack.stripe.k === 1);
    const copies = Array.from({ length: 4 }, () => ({ id: shard.id, holder: DEVICE }));
    home.index.setStripe(pack.id, { ...pack.stripe, n: 4, shards: copies });
    await republish(home, first);
    const older = homeAt(join(folder, "uncoded"));
    await recover(older);
    assert.deepEqual(contentOf(older), contentOf(home));
    older.index.close();
    home.index.close();
  });

  test("a local view that is as new as the keepers' stays", async () => {
    const home = homeAt();
    const state = await put(home, EMPTY_STATE, { a: noise(1000, 1) });
    assert.deepEqual(bytesOf(await recover(home)), bytesOf(state));
    keepers.answered = 0;
    assert.deepEqual(bytesOf(await recover(home)), bytesOf(state));
    keepers.answered = 5;
    keepers.newest = undefined;
    assert.deepEqual(bytesOf(await recover(home)), bytesOf(state));
  });

  test("a home without database begins nothing before all keepers have answered", async () => {
    await put(homeAt(), EMPTY_STATE, { a: noise(1000, 1) });
    keepers.answered = 0;
    await assert.rejects(recover(homeAt()), { code: "INDEX_NOT_RECOVERED" });
    keepers.newest = undefined;
    keepers.answered = 4;
    await assert.rejects(recover(homeAt()), { code: "INDEX_NOT_RECOVERED" });
    keepers.answered = 5;
    assert.deepEqual(await recover(homeAt()), EMPTY_STATE);
    keepers.answered = 0;
    assert.deepEqual(await recover(homeAt(), true), EMPTY_STATE, "a new home has no head");
  });

  test("a recovery that is cut is begun again and ends the same", async () => {
    const home = homeAt();
    let state: VolumeState = EMPTY_STATE;
    for (let seed = 0; seed < 3; seed++) state = await put(home, state, { a: noise(1000, seed) });
    for (let reads = 0; ; reads++) {
      const elsewhere = homeAt();
      let left = reads;
      const whole = elsewhere.readChunk.bind(elsewhere);
      elsewhere.readChunk = (name) => {
        if (left-- === 0) throw new Error("killed");
        return whole(name);
      };
      const cut = await recover(elsewhere).then(
        () => false,
        () => true,
      );
      elsewhere.readChunk = whole;
      assert.deepEqual(bytesOf(await recover(elsewhere)), bytesOf(state));
      assert.deepEqual(contentOf(elsewhere), contentOf(home));
      if (!cut) break;
      assert.ok(reads < 20);
    }
  });
});

/** A copy of a database as a backup makes it. */
function copyDatabase(from: string, to: string): void {
  const database = openDatabase(from, { readOnly: true });
  database.exec(`VACUUM INTO '${to}'`);
  database.close();
}
