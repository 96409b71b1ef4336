// Too few peers: what is put stays here, is said not to be safe, and becomes safe by itself.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { setTimeout as timer } from "node:timers/promises";
import { TestSwarm, killDaemon, startPeer, until, writeRandom } from "./harness.ts";
import { digest } from "./trees.ts";

interface Status {
  safe: boolean;
  reasons: string[];
  redundancy: { k: number; n: number };
  packs: { full: number; partial: number; local: number };
}

/** How long a swarm may take to become safe by itself. */
const HEAL_MAX_MS = 60_000;

let swarm: TestSwarm;
before(async () => {
  swarm = await TestSwarm.alone("few");
  writeRandom(swarm.path("first"), 3_000_000);
  writeRandom(swarm.path("second"), 3_000_000);
});
after(() => swarm.stop());

const status = (): Promise<Status> => swarm.ask<Status>("status");

async function assertThere(path: string, source: string, ...words: string[]): Promise<void> {
  const target = swarm.path("target");
  await swarm.ask("get", path, target, ...words);
  assert.equal(digest(target), digest(swarm.path(source)));
}

test("with nobody there put keeps the file, warns, and exits 0", async () => {
  const put = await swarm.run("put", swarm.path("first"), "/first");
  assert.equal(put.status, 0, put.stderr);
  assert.match(put.stderr, /warning: not yet safe/);
  const { safe, reasons, packs } = await status();
  assert.equal(safe, false);
  assert.ok(
    reasons.some((reason) => reason.includes("on this machine alone")),
    reasons.join("; "),
  );
  assert.ok(reasons.includes("no other peer is known yet"), reasons.join("; "));
  assert.ok(packs.local > 0);
  assert.match((await swarm.run("status")).stdout, /safe +not yet/);
  await assertThere("/first", "first");
  const away = await swarm.run("get", "/first", swarm.path("none"), "--peers-only");
  assert.equal(away.status, 4, away.stderr);
  assert.match(away.stderr, /^error: have 0 of 1 shards, missing peers: none known\nhint: /m);
});

test("what was kept survives kill -9 of the daemon", async () => {
  await killDaemon(swarm.owner.home);
  await assertThere("/first", "first");
});

test("one holder is one copy: not yet safe, and --peers-only reads it", async () => {
  await swarm.addHolder();
  await until(
    "the only copy is there",
    async () => (await swarm.run("get", "/first", swarm.path("x"), "--peers-only")).status === 0,
    HEAL_MAX_MS,
  );
  const put = await swarm.run("put", swarm.path("second"), "/second");
  assert.equal(put.status, 0, put.stderr);
  const { safe, reasons } = await status();
  assert.equal(safe, false);
  assert.ok(reasons.length > 0);
  await assertThere("/second", "second", "--peers-only");
});

test("with a second holder everything becomes safe without a command", async () => {
  await swarm.addHolder();
  await until("all is safe", async () => (await status()).safe, HEAL_MAX_MS);
  assert.deepEqual((await status()).reasons, []);
  for (const { home } of swarm.peers) {
    await killDaemon(home);
    await assertThere("/first", "first", "--peers-only");
    await assertThere("/second", "second", "--peers-only");
    await startPeer(home);
  }
});

test("a put with half of the holders away becomes safe when they are back", async () => {
  await swarm.addHolder();
  await swarm.addHolder();
  const [away, also] = swarm.peers;
  assert.ok(away !== undefined && also !== undefined);
  writeFileSync(swarm.path("third"), "third ".repeat(100_000));
  const code = ["--code", "2/4"];
  await killDaemon(away.home);
  await killDaemon(also.home);
  const put = await swarm.run("put", swarm.path("third"), "/third", ...code);
  assert.equal(put.status, 0, put.stderr);
  assert.match(put.stderr, /warning: not yet safe/);
  const { safe, packs } = await status();
  assert.deepEqual([safe, packs.partial > 0], [false, true]);
  await startPeer(away.home);
  await startPeer(also.home);
  await until("all is safe", async () => (await status()).safe, HEAL_MAX_MS);
  await assertThere("/third", "third", "--peers-only");
});

test("a safe swarm stays quiet: no snapshot and no head is made without a reason", async () => {
  const before = await swarm.ask<{ snapshot: number }>("status");
  await timer(3_000);
  const later = await swarm.ask<{ snapshot: number; safe: boolean }>("status");
  assert.deepEqual([later.snapshot, later.safe], [before.snapshot, true]);
});
