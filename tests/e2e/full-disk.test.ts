// Disks that are full: at a holder, at the owner, at the target of a get.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { stripesOf } from "./damage.ts";
import { TestSwarm, killDaemon, writeRandom } from "./harness.ts";
import { digest } from "./trees.ts";

interface Status {
  safe: boolean;
  packs: { local: number; partial: number };
}

const MIB = 2 ** 20;
const skip = canMount() ? false : "mounting a small disk needs root";
let swarm: TestSwarm;
const mounts: string[] = [];

before(async () => {
  if (skip === false) swarm = await TestSwarm.demo("full", 3);
});
after(async () => {
  if (skip !== false) return;
  for (const { home } of [swarm.owner, ...swarm.peers]) await killDaemon(home);
  for (const mount of mounts) execFileSync("umount", [mount]);
  await swarm.stop();
});

function canMount(): boolean {
  try {
    execFileSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], {
      stdio: "ignore",
    });
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}

/** A disk of its own below the test's folder. */
function mountSmall(name: string, mib: number): string {
  const folder = swarm.path(name);
  mkdirSync(folder);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mib}m`, "tmpfs", folder]);
  mounts.push(folder);
  return folder;
}

test(
  "a holder whose disk is full is passed over, and others take its shards",
  { skip },
  async () => {
    const store = mountSmall("store", 24);
    const small = await swarm.addHolder({ store_dir: store, file_storage: "1 GiB" });
    writeRandom(swarm.path("big"), 48 * MIB);
    const put = await swarm.run("put", swarm.path("big"), "/big", "--code", "2/3");
    assert.equal(put.status, 0, put.stderr);
    const status = await swarm.ask<Status>("status");
    assert.equal(status.safe, true);
    const stripes = stripesOf(swarm.owner, ["data"]);
    const without = stripes.filter(({ shards }) =>
      shards.every(({ holder }) => holder !== small.id),
    );
    assert.ok(without.length > 0, "its disk has no room for all stripes");
    await swarm.ask("get", "/big", swarm.path("again"), "--peers-only");
    assert.equal(digest(swarm.path("again")), digest(swarm.path("big")));
  },
);

test(
  "a full target says so, leaves nothing half written, and completes with room",
  { skip },
  async () => {
    const disk = mountSmall("target", 24);
    const ran = await swarm.run("get", "/big", `${disk}/big`);
    assert.equal(ran.status, 6, ran.stderr);
    assert.match(ran.stderr, /^error: no space left to write .*big[^\n]*\nhint: /);
    assert.deepEqual(readdirSync(disk), []);
    execFileSync("mount", ["-o", "remount,size=64m", disk]);
    await swarm.ask("get", "/big", `${disk}/big`);
    assert.equal(digest(`${disk}/big`), digest(swarm.path("big")));
  },
);

test(
  "an owner whose disk is full says so, loses nothing, and goes on with room",
  { skip },
  async () => {
    const disk = mountSmall("owner", 160);
    const lonely = `${disk}/home`;
    const run = (...words: string[]) => swarm.runAt<{ safe: boolean }>(lonely, ...words);
    writeFileSync(swarm.path("note"), "kept");
    try {
      await run("put", swarm.path("note"), "/note");
      writeFileSync(`${disk}/filler`, new Uint8Array(100 * MIB));
      writeRandom(swarm.path("large"), 96 * MIB);
      await assert.rejects(
        run("put", swarm.path("large"), "/large"),
        /status 6[^]*(full|space)[^]*hint: /,
      );
      assert.equal((await run("get", "/note", swarm.path("note-again"))).safe, undefined);
      assert.equal(digest(swarm.path("note-again")), digest(swarm.path("note")));
      rmSync(`${disk}/filler`);
      await run("put", swarm.path("large"), "/large");
      await run("get", "/large", swarm.path("large-again"));
      assert.equal(digest(swarm.path("large-again")), digest(swarm.path("large")));
    } finally {
      await killDaemon(lonely);
    }
  },
);
