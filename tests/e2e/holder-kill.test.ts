import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openBlobs } from "../../src/adapters/blobs.node.ts";
import { openDatabase } from "../../src/adapters/database.node.ts";
import { patternOf } from "../contracts/blobs.ts";
import {
  askerOf,
  blocksOf,
  bytesOf,
  holderOf,
  idOfShard,
  never,
  ticketFor,
  upload,
} from "../contracts/holder-fixture.ts";
import { openOnDisk, shardOf } from "../contracts/storing-child.ts";
import { equalBytes } from "../../src/base/bytes.ts";
import { codeOf } from "../../src/base/error.ts";
import { HOLDER_SCHEMA } from "../../src/shards/schema.ts";

const ALICE = askerOf(1);
const KILLS = Number(process.env["HOLDFAST_KILLS"] ?? 25);
const child = fileURLToPath(new URL("../contracts/storing-child.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "holdfast-kill-"));
after(() => rmSync(folder, { recursive: true }));

/** Lets a child store from `first` on and kills it after some acknowledgements.
 * @returns the numbers that were acknowledged */
async function storeUntilKilled(path: string, first: number, acks: number): Promise<number[]> {
  const program = spawn(process.execPath, [child, path, String(first)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(program, "close");
  const acknowledged: number[] = [];
  for await (const line of createInterface({ input: program.stdout })) {
    acknowledged.push(Number(line));
    if (acknowledged.length === acks) program.kill("SIGKILL");
  }
  await closed;
  assert.equal(program.signalCode, "SIGKILL", "the child stores until it is killed");
  return acknowledged;
}

test("what was acknowledged is there after every kill -9", async (context) => {
  const acknowledged = new Set<number>();
  let next = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    // Different depths, so that kills meet the first upload as well as a warm holder.
    const acks = 1 + ((kill * 7) % 23);
    const fresh = await storeUntilKilled(folder, next, acks);
    assert.ok(fresh.length >= acks);
    for (const number of fresh) acknowledged.add(number);
    // Those that were cut are stored again by the next child.
    next = Math.max(1, next, ...fresh) - 1;
    const { holder, database } = await openOnDisk(folder);
    for (const number of fresh) {
      const bytes = shardOf(number);
      const read = await bytesOf(await holder.read(ALICE, idOfShard(bytes)));
      assert.ok(equalBytes(read, bytes), `shard ${number} after kill ${kill}`);
    }
    // Some restarts happen after an unclean stop, some after a clean one.
    if (kill % 2 === 0) await holder.close();
    database.close();
  }
  const { holder, database } = await openOnDisk(folder);
  const { corrupt } = await holder.scrub(never);
  assert.deepEqual(corrupt, []);
  const ids = [...acknowledged].map((number) => idOfShard(shardOf(number)));
  assert.ok(holder.has(ALICE, ids).every(Boolean));
  await holder.close();
  database.close();
  assert.deepEqual(readdirSync(join(folder, "shards", "tmp")), []);
  context.diagnostic(`${KILLS} kills, ${acknowledged.size} acknowledged shards, 0 lost`);
});

test("a full disk refuses uploads, leaves nothing, and reading goes on", async (context) => {
  const path = join(folder, "small-disk");
  mkdirSync(path);
  const mount = ["-t", "tmpfs", "-o", `size=${24 * 1024 * 1024}`, "tmpfs", path];
  if (process.platform !== "linux" || spawnSync("mount", mount).status !== 0) {
    context.skip("no right to mount a disk");
    return;
  }
  try {
    const blobs = await openBlobs(join(path, "shards"), { owner: "test", marker: undefined });
    const database = openDatabase(join(path, "holder.db"), { schema: HOLDER_SCHEMA });
    const fixture = holderOf({ blobs, database });
    const kept = patternOf(1_000_000);
    await upload(fixture, ALICE, kept);
    const next = patternOf(2_000_000, 2);
    const id = idOfShard(next);
    const ticket = () => ticketFor(fixture.holder, ALICE, id, next.length, fixture.clock.today());
    const punched = await ticket();
    // The filler takes all there is.
    assert.throws(() => writeFileSync(join(path, "filler"), new Uint8Array(24 * 1024 * 1024)));
    const stored = fixture.holder.store(ALICE, id, punched, blocksOf(next), never);
    await assert.rejects(stored, { code: "DISK_FULL" });
    await assert.rejects(ticket(), /DISK_FULL/);
    assert.deepEqual(readdirSync(join(path, "shards", "tmp")), []);
    const small = await upload(fixture, ALICE, patternOf(60_000)).catch(codeOf);
    assert.ok(small === undefined || typeof small === "string");
    const read = await bytesOf(await fixture.holder.read(ALICE, idOfShard(kept)));
    assert.ok(equalBytes(read, kept));
    rmSync(join(path, "filler"));
    await upload(fixture, ALICE, next);
    assert.deepEqual(fixture.holder.has(ALICE, [id, idOfShard(kept)]), [true, true]);
    await fixture.holder.close();
    database.close();
  } finally {
    spawnSync("umount", ["-l", path]);
  }
});
