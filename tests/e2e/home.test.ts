// What is lost or broken in a home: what comes back by itself, and what is said about the rest.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { heldBy } from "./damage.ts";
import { TestSwarm, holdfast, killDaemon, startPeer, writeRandom } from "./harness.ts";
import { assertSameTree, noise } from "./trees.ts";

interface Status {
  safe: boolean;
  reasons: string[];
  snapshot: number;
}

let swarm: TestSwarm;
let source: string;
before(async () => {
  swarm = await TestSwarm.demo("home", 5);
  source = swarm.path("source");
  mkdirSync(`${source}/folder`, { recursive: true });
  writeRandom(`${source}/big`, 20 * 2 ** 20);
  for (let index = 0; index < 100; index++) {
    writeFileSync(`${source}/folder/${index}`, noise(index * 100, index));
  }
  await swarm.ask("put", source, "/source");
});
after(() => swarm.stop());

/** Removes a database of a home whose daemon does not run. */
function removeDatabase(home: string, name: string): void {
  for (const end of ["", "-wal", "-shm"]) rmSync(join(home, `${name}${end}`), { force: true });
}

async function assertComesBack(): Promise<void> {
  const target = swarm.path("target");
  rmSync(target, { recursive: true, force: true });
  await swarm.ask("get", "/source", target, "--peers-only");
  assertSameTree(target, source);
}

test("an index that is deleted is rebuilt from the swarm by the keys alone", async () => {
  const { home } = swarm.owner;
  const before = await swarm.ask<Status>("status");
  await killDaemon(home);
  removeDatabase(home, "index.db");
  await assertComesBack();
  const ls = await swarm.ask<{ entries: unknown[] }>("ls", "-r", "/source");
  assert.equal(ls.entries.length, 102);
  const status = await swarm.ask<Status>("status");
  assert.deepEqual([status.safe, status.snapshot], [true, before.snapshot]);
  const again = await swarm.ask<{ newBytes: number; snapshot: number }>("put", source, "/source");
  assert.deepEqual([again.newBytes, again.snapshot], [0, before.snapshot + 1]);
  const history = await swarm.ask<{ snapshots: unknown[] }>("history");
  assert.equal(history.snapshots.length, again.snapshot, "the history came back too");
});

test("while no peer answers a deleted index is not taken for an empty volume", async () => {
  const { home } = swarm.owner;
  await killDaemon(home);
  removeDatabase(home, "index.db");
  for (const peer of swarm.peers) await killDaemon(peer.home);
  const small = swarm.path("small");
  writeFileSync(small, "small");
  for (const words of [
    ["ls", "/"],
    ["put", small, "/small"],
    ["get", "/source", "/tmp/none"],
  ]) {
    const ran = await swarm.run(...words);
    assert.equal(ran.status, 4, `${words.join(" ")}: ${ran.stderr}`);
    assert.match(ran.stderr, /^error: the index is gone[^\n]*\nhint: .*try again/m);
  }
  for (const peer of swarm.peers) await startPeer(peer.home);
  await assertComesBack();
});

test("a damaged index is refused by its name, and is rebuilt once it is away", async () => {
  const { home } = swarm.owner;
  await killDaemon(home);
  removeDatabase(home, "index.db");
  writeFileSync(join(home, "index.db"), noise(100_000));
  const ran = await swarm.run("status");
  assert.notEqual(ran.status, 0);
  const up = await swarm.run("up");
  assert.equal(up.status, 5, up.stderr);
  assert.match(up.stderr, /^error: .*index\.db[^\n]*\nhint: /);
  removeDatabase(home, "index.db");
  await assertComesBack();
});

test("a holder whose database is deleted is passed over, and takes shards again", async () => {
  const [holder] = swarm.peers;
  assert.ok(holder !== undefined);
  await killDaemon(holder.home);
  removeDatabase(holder.home, "holder.db");
  await startPeer(holder.home);
  await assertComesBack();
  writeRandom(swarm.path("later"), 5 * 2 ** 20);
  const put = await swarm.ask<Status>("put", swarm.path("later"), "/later");
  assert.equal(put.safe, true);
  assert.ok(heldBy(holder).size > 0);
  // Its big shards lie on its disk still; it takes them for the owner's when the owner asks.
  await assertComesBack();
});

test("a pipe in a folder is left out with a warning that names it", async () => {
  const mixed = swarm.path("mixed");
  mkdirSync(mixed);
  writeFileSync(`${mixed}/good`, "good");
  execFileSync("mkfifo", [`${mixed}/pipe`]);
  const put = await swarm.run("put", mixed, "/mixed", "--json");
  assert.equal(put.status, 0, put.stderr);
  assert.match(put.stderr, /^warning: .*mixed\/pipe.* pipe/m);
  const { files, warnings } = JSON.parse(put.stdout) as { files: number; warnings: number };
  assert.deepEqual([files, warnings], [1, 1]);
});

test(
  "a daemon that may not read a file says so, and stores the rest",
  { skip: notRoot() },
  async () => {
    const open = swarm.path("open");
    mkdirSync(`${open}/tree`, { recursive: true });
    writeFileSync(`${open}/tree/good`, "good");
    writeFileSync(`${open}/tree/secret`, "secret");
    chmodSync(`${open}/tree/secret`, 0o000);
    for (const path of [swarm.folder, open]) chmodSync(path, 0o777);
    const home = join(open, "home");
    const as = { uid: 65_534, env: { HOME: open } };
    const ran = await holdfast(["--home", home, "put", `${open}/tree`, "/tree", "--json"], as);
    try {
      assert.equal(ran.status, 0, ran.stderr);
      assert.match(ran.stderr, /warning: .*secret/);
      const summary = JSON.parse(ran.stdout) as { files: number; warnings: number };
      assert.equal(summary.files, 1);
      assert.ok(summary.warnings >= 1);
      const alone = await holdfast(["--home", home, "put", `${open}/tree/secret`, "/secret"], as);
      assert.equal(alone.status, 9, alone.stderr);
      assert.match(alone.stderr, /^error: .*secret[^\n]*\nhint: /);
    } finally {
      await killDaemon(home);
    }
  },
);

function notRoot(): string | false {
  return process.getuid?.() === 0 ? false : "only root can run a daemon as another user";
}
