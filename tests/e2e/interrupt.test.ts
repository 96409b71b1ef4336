// Whatever ends in the middle of a put or get: run again it completes, nothing is stored twice,
// nothing that was acknowledged is lost.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { setTimeout as timer } from "node:timers/promises";
import { Chance } from "./chance.ts";
import { heldBy, stripesOf, totalsOf } from "./damage.ts";
import { TestSwarm, daemonPid, killDaemon, startHoldfast, startPeer } from "./harness.ts";
import { until, writeRandom } from "./harness.ts";
import { assertSameTree, noise } from "./trees.ts";

interface Put {
  safe: boolean;
  storedBytes: number;
}

const MIB = 2 ** 20;
const chance = Chance.from("HOLDFAST_E2E_SEED");
let swarm: TestSwarm;
before(async () => {
  swarm = await TestSwarm.demo("interrupt", 8);
});
after(() => swarm.stop());

/** A tree of one big file and some small ones that no other test has. */
function makeSource(name: string, mib: number): string {
  const source = swarm.path(name);
  mkdirSync(`${source}/small`, { recursive: true });
  writeRandom(`${source}/big`, mib * MIB);
  for (let index = 0; index < 50; index++) {
    writeFileSync(`${source}/small/${index}`, noise(20_000 + index, chance.below(2 ** 30)));
  }
  return source;
}

async function assertComesBack(remote: string, source: string): Promise<void> {
  const target = swarm.path("target");
  rmSync(target, { recursive: true, force: true });
  await swarm.ask("get", remote, target, "--peers-only");
  assertSameTree(target, source);
}

/** Starts a put and waits until the holders together took so many bytes more than before. */
async function putUntil(source: string, remote: string, moreBytes: number) {
  const fromBytes = totalsOf(swarm.peers).bytes;
  const put = startHoldfast(["--home", swarm.owner.home, "put", source, remote]);
  let over = false;
  void put.ended.then(() => (over = true));
  await until("some of the put is stored", () => {
    return over || totalsOf(swarm.peers).bytes - fromBytes >= moreBytes;
  });
  return put;
}

test("a holder that dies during a put is replaced, and the put is safe", async () => {
  const source = makeSource("dying", 64);
  const put = await putUntil(source, "/dying", 5 * MIB);
  const dead = chance.pick(swarm.peers, 1);
  for (const { home } of dead) await killDaemon(home);
  const ran = await put.ended;
  assert.equal(ran.status, 0, ran.stderr);
  await until("it is safe", async () => (await swarm.ask<Put>("status")).safe, 60_000);
  await assertComesBack("/dying", source);
  for (const { home } of dead) await startPeer(home);
});

/** Shards that holders keep and no stripe of the index names there: stored in vain. */
function orphansOf({ owner, peers }: TestSwarm): { lengthBytes: number }[] {
  const named = new Set<string>();
  for (const { shards } of stripesOf(owner)) {
    for (const { id, holder } of shards) named.add(`${holder} ${id}`);
  }
  return peers.flatMap((peer) =>
    [...heldBy(peer)].flatMap(([id, lengthBytes]) =>
      named.has(`${peer.id} ${id}`) ? [] : [{ lengthBytes }],
    ),
  );
}

test("a put killed at several points and run again completes and stores nothing twice", async (t) => {
  t.diagnostic(`seed ${chance.seed}`);
  const source = makeSource("twice", 48);
  const orphansBefore = orphansOf(swarm).length;
  const points = [0, 3 * MIB, 40 * MIB, 80 * MIB];
  for (const moreBytes of points) {
    const put = await putUntil(source, "/twice", moreBytes);
    await timer(chance.below(100));
    await killDaemon(swarm.owner.home);
    const ran = await put.ended;
    if (ran.status === 0) continue;
    assert.equal(ran.status, 7, ran.stderr);
    assert.match(ran.stderr, /error: the daemon went away[^]*hint: .*run the command again/);
  }
  const put = await swarm.ask<Put>("put", source, "/twice");
  assert.equal(put.safe, true);
  await assertComesBack("/twice", source);
  // The newest times of the folders above, in a small pack, are all that differs between attempts.
  const orphans = orphansOf(swarm).slice(orphansBefore);
  assert.ok(orphans.length <= points.length * 3 * swarm.peers.length, `${orphans.length} orphans`);
  for (const { lengthBytes } of orphans) assert.ok(lengthBytes <= 65_536, `${lengthBytes} bytes`);
});

test("a put that is run again sends only what was not stored yet", async () => {
  const source = makeSource("resumed", 64);
  const put = await putUntil(source, "/resumed", 80 * MIB);
  await killDaemon(swarm.owner.home);
  await put.ended;
  const again = await swarm.ask<Put>("put", source, "/resumed");
  const whole = 64 * MIB * 2.34;
  assert.ok(again.storedBytes < whole - 60 * MIB, `${again.storedBytes} bytes were sent again`);
  await assertComesBack("/resumed", source);
});

test("Ctrl-C during a put ends it soon, and the same put again completes", async () => {
  const source = makeSource("stopped", 48);
  const put = await putUntil(source, "/stopped", 3 * MIB);
  put.interrupt();
  const ran = await put.ended;
  assert.notEqual(ran.status, 0);
  assert.ok(daemonPid(swarm.owner.home) !== undefined, "the daemon runs on");
  assert.equal((await swarm.run("ls", "/stopped")).status, 3);
  assert.equal((await swarm.ask<Put>("put", source, "/stopped")).safe, true);
  await assertComesBack("/stopped", source);
});

/** Names below a folder that a restore writes to before a file is whole. */
function temporaryNames(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.includes(".holdfast-"));
}

test("Ctrl-C during a get leaves nothing half written, and the same get again completes", async () => {
  const target = swarm.path("cut");
  const get = startHoldfast(["--home", swarm.owner.home, "get", "/stopped", target]);
  await until("it writes", () => temporaryNames(target).length > 0 || existsSync(`${target}/big`));
  get.interrupt();
  await get.ended;
  await until("what was begun is removed", () => temporaryNames(target).length === 0);
  await swarm.ask("get", "/stopped", target);
  assertSameTree(target, swarm.path("stopped"));
});

test("kill -9 of the owner during a get leaves nothing that the next get does not set right", async () => {
  const target = swarm.path("killed");
  const get = startHoldfast(["--home", swarm.owner.home, "get", "/stopped", target]);
  await until("it writes", () => temporaryNames(target).length > 0 || existsSync(`${target}/big`));
  await killDaemon(swarm.owner.home);
  await get.ended;
  await swarm.ask("get", "/stopped", target);
  assertSameTree(target, swarm.path("stopped"));
  assert.deepEqual(temporaryNames(target), []);
});

test("after all of this everything that was acknowledged is still there", async () => {
  for (const name of ["dying", "twice", "resumed", "stopped"]) {
    await assertComesBack(`/${name}`, swarm.path(name));
  }
});
