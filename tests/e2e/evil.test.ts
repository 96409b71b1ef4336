// Holders that lie, cut, swell, dawdle and forget: put and get work, and they are named.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openEvilHolder } from "./evil-holder.ts";
import type { EvilHolder, Mood } from "./evil-holder.ts";
import { TestSwarm, killDaemon, writeRandom } from "./harness.ts";
import { digest } from "./trees.ts";

interface Put {
  safe: boolean;
  k: number;
  n: number;
}
interface Get {
  repairedShards: number;
  badPeers: string[];
}

const GOOD = 5;
/** n - k for ten holders. */
const EVIL = 5;
const GET_MAX_MS = 30_000;
let swarm: TestSwarm;
const evil: EvilHolder[] = [];

before(async () => {
  swarm = await TestSwarm.demo("evil", GOOD);
  for (let index = 0; index < EVIL; index++) {
    evil.push(await openEvilHolder(swarm.owner, "good"));
  }
});
after(async () => {
  await swarm.stop();
  for (const holder of evil) await holder.close();
});

function become(...moods: Mood[]): void {
  evil.forEach((holder, index) => {
    holder.mood = moods[index % moods.length] ?? "good";
    holder.spoiled = 0;
  });
}

async function put(name: string, mib: number, ...words: string[]): Promise<Put> {
  writeRandom(swarm.path(name), mib * 2 ** 20);
  return swarm.ask<Put>("put", swarm.path(name), `/${name}`, ...words);
}

async function get(name: string): Promise<Get & { durationMs: number }> {
  const target = swarm.path("target");
  const startedMs = performance.now();
  const got = await swarm.ask<Get>("get", `/${name}`, target, "--peers-only");
  assert.equal(digest(target), digest(swarm.path(name)));
  return { ...got, durationMs: performance.now() - startedMs };
}

test("holders that trickle a byte a second do not hold up a get", async (t) => {
  become("good");
  await put("trickled", 40);
  become("trickles");
  const { durationMs } = await get("trickled");
  t.diagnostic(
    `${Math.round(durationMs)} ms, ${evil.map(({ spoiled }) => spoiled).join(" ")} shards`,
  );
  assert.ok(evil.some(({ spoiled }) => spoiled > 0));
  assert.ok(durationMs < GET_MAX_MS, `${durationMs} ms`);
});

for (const moods of [
  ["flips", "truncates", "breaks-off", "swaps", "oversizes"],
  ["forgets", "endless", "flips", "garbage", "swaps"],
] as const satisfies Mood[][]) {
  test(`n - k holders that ${moods.join(", ")}: get is right and names them`, async () => {
    become("good");
    // A new daemon does not remember who was slow before, and asks everybody.
    await killDaemon(swarm.owner.home);
    const { k, n, safe } = await put(moods[0], 40);
    assert.deepEqual([n - k, safe], [EVIL, true]);
    become(...moods);
    const { badPeers, durationMs } = await get(moods[0]);
    // One that breaks off may be honest behind a bad line.
    const liars = evil.filter(({ mood, spoiled }) => mood !== "breaks-off" && spoiled > 0);
    assert.ok(liars.length > 0);
    for (const { id, mood } of liars) assert.ok(badPeers.includes(id), `who ${mood} is not named`);
    const good = new Set(swarm.peers.map(({ id }) => id));
    for (const id of badPeers) assert.ok(!good.has(id), "an honest holder is named");
    assert.ok(durationMs < GET_MAX_MS, `${durationMs} ms`);
  });
}

test("holders that answer wishes with garbage, refusals or not at all are passed over", async () => {
  become("garbage", "refuses", "garbage", "refuses", "silent");
  const startedMs = performance.now();
  const { safe } = await put("passed-over", 20, "--code", "2/5");
  assert.equal(safe, true);
  assert.ok(performance.now() - startedMs < 2 * GET_MAX_MS);
  become("good");
  await get("passed-over");
  const { stdout } = await swarm.run("logs", "-n", "1000");
  assert.ok(!stdout.includes("\u001b"), "a peer's words do not command the terminal");
});

test("the owner's daemon came through all of it", async () => {
  const { stdout } = await swarm.run("logs", "-n", "10000");
  assert.ok(!stdout.includes("daemon.bug"), stdout);
  assert.equal((await swarm.run("status")).status, 0);
});
