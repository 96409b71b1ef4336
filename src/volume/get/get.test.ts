import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { never, storedVolume } from "../../../tests/fixtures/stored-volume.ts";
import type { StoredVolume } from "../../../tests/fixtures/stored-volume.ts";
import { base32Encode } from "../../base/base32.ts";
import { HoldfastError } from "../../base/error.ts";
import { KIB, MIB } from "../../base/limits.ts";
import type { TreeEntry } from "../../codec/tree.ts";
import { packIdent } from "../index/store.ts";

const CODE = { k: 3, n: 6 };
/** Its packs are small, so that a few MiB make many stripes. */
const WIDE_CODE = { k: 3, n: 30 };

interface Stored {
  entry: TreeEntry;
  bytes: Buffer;
}

/** Stores one file of random bytes. */
async function putFile(volume: StoredVolume, lengthBytes: number): Promise<Stored> {
  const bytes = randomBytes(lengthBytes);
  const path = join(volume.folder, "in");
  writeFileSync(path, bytes);
  return { entry: await volume.put(path), bytes };
}

async function restored(volume: StoredVolume, { entry }: Stored, name = "out") {
  const path = join(volume.folder, name);
  const getter = volume.getter();
  const summary = await getter.restore(entry, path, { peersOnly: true }, volume.report, never);
  return { summary, bytes: readFileSync(path) };
}

for (const lengthBytes of [0, 1, 4095, 4096, 63 * KIB, 5 * MIB + 1, 33 * MIB + 17]) {
  test(`restore() gives back a file of ${lengthBytes} bytes`, async () => {
    await using volume = await storedVolume(CODE);
    const stored = await putFile(volume, lengthBytes);
    const { summary, bytes } = await restored(volume, stored);
    assert.ok(bytes.equals(stored.bytes));
    assert.deepEqual(summary, {
      files: 1,
      bytes: lengthBytes,
      warnings: 0,
      repairedShards: 0,
      badPeers: [],
    });
  });
}

test("restore() needs no more than any k of the n holders", async () => {
  await using volume = await storedVolume(CODE);
  const stored = await putFile(volume, 3 * MIB + 5);
  const gone = fc.uniqueArray(fc.nat(CODE.n - 1), { minLength: CODE.n - CODE.k });
  await fc.assert(
    fc.asyncProperty(gone, async (numbers) => {
      for (const at of volume.holders.peers.keys()) {
        const isGone = numbers.slice(0, CODE.n - CODE.k).includes(at);
        volume.holders.at(at).mood = isGone ? "gone" : "good";
      }
      assert.ok((await restored(volume, stored)).bytes.equals(stored.bytes));
    }),
    { numRuns: 20 },
  );
});

test("restore() says how many shards it has and whom it misses when they are too few", async () => {
  await using volume = await storedVolume(CODE);
  const stored = await putFile(volume, 2 * MIB);
  for (const at of [0, 2, 3, 5]) volume.holders.at(at).mood = "gone";
  await assert.rejects(restored(volume, stored), (error: unknown) => {
    assert.ok(error instanceof HoldfastError);
    assert.equal(error.code, "SHARDS_MISSING");
    assert.match(error.message, /^have 2 of 3 shards, missing peers: /u);
    for (const at of [0, 2, 3, 5]) {
      assert.ok(error.message.includes(volume.holders.peers[at] ?? "-"), `names holder ${at}`);
    }
    assert.match(error.hint ?? "", /try again/u);
    return true;
  });
});

for (const mood of ["forges", "corrupt", "breaks-off"] as const) {
  test(`restore() rewrites the shards of a holder that ${mood}, and names it`, async () => {
    await using volume = await storedVolume(CODE);
    const stored = await putFile(volume, 20 * MIB);
    const { holders } = volume;
    const before = new Map(holders.at(1).shards);
    assert.ok(before.size >= 2, "there is more than one stripe");
    holders.at(1).mood = mood;
    // A holder that set its broken copy aside takes a new one, and serves it.
    const store = holders.storeShard.bind(holders);
    holders.storeShard = async (peer, ...rest) => {
      holders.at(peer).mood = "good";
      return store(peer, ...rest);
    };
    const { summary, bytes } = await restored(volume, stored);
    assert.ok(bytes.equals(stored.bytes));
    assert.deepEqual(summary.badPeers, [holders.peers[1]]);
    assert.ok(summary.repairedShards >= 1);
    assert.equal(summary.warnings, 1);
    const warning = volume.events.find(({ event }) => event === "warning");
    assert.ok(warning?.event === "warning" && warning.code === "SHARD_CORRUPT");
    assert.ok(warning.message.includes(holders.peers[1] ?? "-"));
    for (const [id, shard] of before) assert.deepEqual(holders.at(1).shards.get(id), shard);
  });
}

test("restore() finds and rewrites every flipped shard of a stripe, parity too", async () => {
  await using volume = await storedVolume(CODE);
  const stored = await putFile(volume, 2 * MIB);
  const { holders } = volume;
  for (const at of [0, 4, 5]) {
    for (const id of holders.at(at).shards.keys()) holders.at(at).forged.add(id);
  }
  const { summary, bytes } = await restored(volume, stored);
  assert.ok(bytes.equals(stored.bytes));
  const bad = [0, 4, 5].map((at) => holders.peers[at] ?? "");
  assert.deepEqual(new Set(summary.badPeers), new Set(bad));
  assert.equal(summary.repairedShards, 3);
  for (const at of [0, 4, 5]) assert.equal(holders.at(at).forged.size, 0);
});

test("restore() looks at the other shards of a holder that had a bad one, also of packs before", async () => {
  await using volume = await storedVolume(CODE);
  const stored = await putFile(volume, 40 * MIB);
  const { holders } = volume;
  const data = [1, 2, 3].map((id) => volume.index.pack(id).stripe);
  assert.ok(data.every(({ packBytes }) => packBytes > MIB));
  // Reading meets nothing of this by itself but in the middle pack.
  for (const { shards } of data) holders.at(5).forged.add(shards[5]?.id ?? "");
  holders.at(1).forged.add(data[1]?.shards[1]?.id ?? "");
  const { summary, bytes } = await restored(volume, stored);
  assert.ok(bytes.equals(stored.bytes));
  assert.equal(summary.repairedShards, 4);
  assert.equal(holders.at(5).forged.size, 0);
});

test("restore() finds every broken shard also where holders can only break off", async () => {
  await using volume = await storedVolume(CODE);
  const stored = await putFile(volume, 2 * MIB);
  const { holders } = volume;
  for (const at of [0, 4, 5]) holders.at(at).mood = "breaks-off";
  const { summary, bytes } = await restored(volume, stored);
  assert.ok(bytes.equals(stored.bytes));
  assert.equal(summary.repairedShards, 3);
  for (const at of [0, 4, 5]) assert.equal(holders.at(at).shards.size, 1);
});

test("restore() gives a shard to another peer when its holder does not take it back", async () => {
  await using volume = await storedVolume(CODE, CODE.n + 1);
  const stored = await putFile(volume, 2 * MIB);
  volume.holders.at(1).mood = "liar";
  const { summary, bytes } = await restored(volume, stored);
  assert.ok(bytes.equals(stored.bytes));
  assert.equal(summary.repairedShards, 1);
  const { stripe } = volume.index.pack(1);
  assert.equal(stripe.shards[1]?.holder, volume.holders.peers[CODE.n]);
  assert.equal(volume.holders.at(CODE.n).shards.size, 1);
});

test("restore() asks another holder when one lets wait, and asks that one last from then on", async () => {
  await using volume = await storedVolume(WIDE_CODE);
  const stored = await putFile(volume, 40 * MIB);
  const { holders, clock } = volume;
  assert.ok(holders.at(0).shards.size >= 8, "more stripes than are read at once");
  holders.at(0).mood = "silent";
  holders.onSilence = () => setImmediate(() => clock.advance(3000));
  const { bytes } = await restored(volume, stored);
  assert.ok(bytes.equals(stored.bytes));
  assert.ok(holders.at(0).reads <= 3, `the silent holder was asked ${holders.at(0).reads} times`);
});

test("restore() asks dead holders once, not for every stripe", async () => {
  await using volume = await storedVolume(WIDE_CODE);
  const stored = await putFile(volume, 40 * MIB);
  for (const at of [0, 1, 2]) volume.holders.at(at).mood = "gone";
  await restored(volume, stored);
  // Twice for each stripe that was begun before the first answer came.
  for (const at of [0, 1, 2]) assert.ok(volume.holders.at(at).reads <= 6);
});

test("restore() reads a small pack from any holder of a copy", async () => {
  await using volume = await storedVolume(CODE);
  const stored = await putFile(volume, 100);
  const { stripe } = volume.index.pack(1);
  assert.equal(stripe.k, 1);
  volume.holders.at(0).mood = "gone";
  volume.holders.at(1).mood = "forges";
  const { summary, bytes } = await restored(volume, stored);
  assert.ok(bytes.equals(stored.bytes));
  assert.deepEqual(summary.badPeers, [volume.holders.peers[1]]);
});

test("restore() reads ranges where it needs little of a pack", async () => {
  await using volume = await storedVolume(CODE);
  const folder = join(volume.folder, "tree");
  mkdirSync(folder);
  for (let at = 0; at < 30; at++) writeFileSync(join(folder, `${at}`), randomBytes(200 * KIB));
  const bytes = readFileSync(join(folder, "7"));
  const tree = await volume.put(folder);
  assert.ok(tree.kind === "directory");
  const name = Buffer.from("7");
  const entry = await volume.getter().tree.find(tree.subtree, [name], never);
  assert.ok(entry !== undefined);
  for (const at of volume.holders.peers.keys()) volume.holders.at(at).reads = 0;
  const { bytes: got } = await restored(volume, { entry, bytes });
  assert.ok(got.equals(bytes));
  const sum = (key: "reads" | "rangeReads"): number =>
    [...volume.holders.peers.keys()].reduce((all, at) => all + volume.holders.at(at)[key], 0);
  assert.equal(sum("reads"), 0);
  assert.ok(sum("rangeReads") >= 1 && sum("rangeReads") <= 2);
  // The range's own holder gone: the same from the others.
  for (const at of [0, 1, 2]) volume.holders.at(at).mood = "gone";
  assert.ok((await restored(volume, { entry, bytes })).bytes.equals(bytes));
});

test("restore() puts chunks of older packs where they belong", async () => {
  await using volume = await storedVolume({ k: 3, n: 15 });
  const path = join(volume.folder, "in");
  const first = randomBytes(20 * MIB);
  writeFileSync(path, first);
  await volume.put(path);
  const parts: Buffer[] = [];
  for (let at = 0; at < 20; at += 4) {
    parts.push(randomBytes(300 * KIB), first.subarray(at * MIB, (at + 4) * MIB));
  }
  const bytes = Buffer.concat([...parts.toReversed(), Buffer.from("x".repeat(900_000)), ...parts]);
  writeFileSync(path, bytes);
  const entry = await volume.put(path);
  assert.ok((await restored(volume, { entry, bytes })).bytes.equals(bytes));
});

test("restore() uses a local pack that is not spread yet, unless it is damaged or unwanted", async () => {
  await using volume = await storedVolume({ k: 1, n: 1 });
  const stored = await putFile(volume, 300 * KIB);
  const { stripe } = volume.index.pack(1);
  const name = base32Encode(packIdent(stripe));
  const shard = volume.holders.at(0).shards.get(stripe.shards[0]?.id ?? "") ?? new Uint8Array();
  volume.packs.blobs.set(name, shard.slice());
  volume.holders.at(0).mood = "gone";
  const path = join(volume.folder, "out");
  const get = (peersOnly: boolean) =>
    volume.getter().restore(stored.entry, path, { peersOnly }, volume.report, never);
  await get(false);
  assert.ok(readFileSync(path).equals(stored.bytes));
  await assert.rejects(get(true), { code: "SHARDS_MISSING" });
  const damaged = shard.slice();
  damaged[1000] = (damaged[1000] ?? 0) ^ 1;
  volume.packs.blobs.set(name, damaged);
  await assert.rejects(get(false), { code: "SHARDS_MISSING" });
  volume.holders.at(0).mood = "good";
  await get(false);
  assert.ok(readFileSync(path).equals(stored.bytes));
});

test("read() streams a file, also past dead holders, and stops where its reader does", async () => {
  await using volume = await storedVolume(CODE);
  const { entry, bytes } = await putFile(volume, 25 * MIB + 3);
  assert.ok(entry.kind === "file");
  const getter = volume.getter();
  const got = await Array.fromAsync(getter.read(entry, { peersOnly: true }, never));
  assert.ok(Buffer.concat(got).equals(bytes));
  volume.holders.at(1).mood = "gone";
  const again = await Array.fromAsync(volume.getter().read(entry, { peersOnly: true }, never));
  assert.ok(Buffer.concat(again).equals(bytes));
  for await (const block of getter.read(entry, { peersOnly: true }, never)) {
    assert.ok(block.length > 0);
    break;
  }
});

test("restore() stops when it is aborted, while holders are silent", async () => {
  await using volume = await storedVolume(CODE);
  const stored = await putFile(volume, 2 * MIB);
  for (const at of volume.holders.peers.keys()) volume.holders.at(at).mood = "silent";
  const stop = new AbortController();
  volume.holders.onSilence = () => stop.abort(new Error("enough"));
  const path = join(volume.folder, "out");
  const options = { peersOnly: false };
  await assert.rejects(
    volume.getter().restore(stored.entry, path, options, volume.report, stop.signal),
    /enough/u,
  );
});
