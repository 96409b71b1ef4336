// Holders die and disks rot: what any k of n shards give back, and what fewer do not.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import type { Stripe } from "../../src/codec/stripe.ts";
import { Chance } from "./chance.ts";
import { flipShard, heldBy, stripesOf } from "./damage.ts";
import { TestSwarm, killDaemon, startPeer, until, writeRandom } from "./harness.ts";
import type { TestPeer } from "./harness.ts";
import { assertSameTree, noise } from "./trees.ts";

interface Get {
  repairedShards: number;
  badPeers: string[];
  warnings: number;
}
interface Scrub {
  shards: number;
  corrupt: string[];
}

const chance = Chance.from("HOLDFAST_E2E_SEED");
let swarm: TestSwarm;
let source: string;
let k: number;
let n: number;

before(async () => {
  swarm = await TestSwarm.demo("loss", 10);
  source = swarm.path("source");
  mkdirSync(`${source}/deep/er`, { recursive: true });
  writeRandom(`${source}/big`, 40 * 2 ** 20);
  for (let index = 0; index < 200; index++) {
    writeFileSync(`${source}/deep/er/${index}`, noise(index * 37, index));
  }
  const put = await swarm.ask<{ k: number; n: number; safe: boolean }>("put", source, "/source");
  assert.equal(put.safe, true);
  ({ k, n } = put);
});
after(() => swarm.stop());

/** Kills holders with -9, does `work`, and starts them again. */
async function without(dead: readonly TestPeer[], work: () => Promise<void>): Promise<void> {
  for (const { home } of dead) await killDaemon(home);
  try {
    await work();
  } finally {
    await Promise.all(dead.map(({ home }) => startPeer(home)));
  }
}

test("any n - k holders killed with -9: everything comes back identical", async (t) => {
  t.diagnostic(`seed ${chance.seed}, code ${k}/${n}`);
  for (let round = 0; round < 2; round++) {
    await without(chance.pick(swarm.peers, n - k), async () => {
      const target = swarm.path(`again-${round}`);
      await swarm.ask("get", "/source", target, "--peers-only");
      assertSameTree(target, source);
    });
  }
});

test("one holder more is said plainly, with its name, and nothing is left half written", async () => {
  const big = stripesOf(swarm.owner).find(({ packBytes }) => packBytes > 2 ** 20);
  assert.ok(big !== undefined);
  const holders = new Set(chance.pick(big.shards, n - k + 1).map(({ holder }) => holder));
  const dead = swarm.peers.filter(({ id }) => holders.has(id));
  await without(dead, async () => {
    const target = swarm.path("missing");
    const got = await swarm.run("get", "/source", target, "--peers-only");
    assert.equal(got.status, 4, got.stderr);
    assert.match(got.stderr, new RegExp(`error: have ${k - 1} of ${k} shards, missing peers: `));
    for (const { id } of dead) assert.ok(got.stderr.includes(id), `${id} is not named`);
    assert.match(got.stderr, /^hint: /m);
    const left = existsSync(target)
      ? readdirSync(target, { recursive: true, encoding: "utf8" })
      : [];
    assert.ok(!left.includes("big"), "a file that did not come whole is not there");
    assert.ok(!left.some((name) => name.includes(".holdfast-")), left.join("\n"));
    const status = () => swarm.ask<{ safe: boolean; reasons: string[] }>("status");
    await until("status says so", async () => !(await status()).safe, 10_000);
    assert.match((await status()).reasons.join(), /too few holders of \d+ packs can be reached/);
  });
  const target = swarm.path("back");
  await swarm.ask("get", "/source", target, "--peers-only");
  assertSameTree(target, source);
});

/** Flips bits in `count` shards of every stripe; says at whom. */
function flipAll(stripes: readonly Stripe[], count: number): Map<string, Set<string>> {
  const peers = new Map(swarm.peers.map((peer) => [peer.id, peer]));
  const flipped = new Map<string, Set<string>>();
  for (const { shards } of stripes) {
    const held = shards.filter(({ holder }) => holder !== undefined);
    for (const { id, holder = "" } of chance.pick(held, count)) {
      const peer = peers.get(holder);
      assert.ok(peer !== undefined && flipShard(peer, id), `${holder} has ${id}`);
      flipped.set(holder, (flipped.get(holder) ?? new Set()).add(id));
    }
  }
  return flipped;
}

test("bits flipped in n - k shards of every stripe: read right, made anew, holders named", async () => {
  // The daemon shall not remember who was away in the tests before: such holders are asked last.
  await killDaemon(swarm.owner.home);
  // What a get reads: of the index there is a copy here.
  const flipped = flipAll(stripesOf(swarm.owner, ["data", "tree"]), n - k);
  const target = swarm.path("flipped");
  const got = await swarm.run("get", "/source", target, "--peers-only");
  assert.equal(got.status, 0, got.stderr);
  assertSameTree(target, source);
  for (const holder of flipped.keys()) assert.ok(got.stderr.includes(holder), got.stderr);
  const again = await swarm.ask<Get>("get", "/source", swarm.path("after"), "--peers-only");
  assert.deepEqual([again.repairedShards, again.badPeers], [0, []]);
  for (const [holder, ids] of flipped) {
    const peer = swarm.peers.find(({ id }) => id === holder);
    assert.ok(peer !== undefined);
    const report = await scrub(peer);
    assert.deepEqual(report.corrupt, [], `${ids.size} were flipped at ${holder}`);
  }
  const status = await swarm.ask<{ safe: boolean }>("status");
  assert.equal(status.safe, true);
});

test("scrub of a holder finds flipped bits, says so, and no longer offers them", async () => {
  const [data] = stripesOf(swarm.owner, ["data"]);
  assert.ok(data !== undefined);
  const flipped = flipAll([data], 1);
  for (const [holder, ids] of flipped) {
    const home = swarm.peers.find(({ id }) => id === holder);
    assert.ok(home !== undefined);
    const before = heldBy(home).size;
    const report = await scrub(home);
    assert.deepEqual(report.corrupt, [...ids]);
    assert.equal(report.shards, before);
    assert.equal(heldBy(home).size, before - 1);
    assert.deepEqual((await scrub(home)).corrupt, [], "it is told once");
  }
  await swarm.ask("get", "/source", swarm.path("scrubbed"), "--peers-only");
  assertSameTree(swarm.path("scrubbed"), source);
});

function scrub({ home }: TestPeer): Promise<Scrub> {
  return swarm.runAt<Scrub>(home, "scrub");
}
