// Kills with -9 at random points of put, get and scrub, on real daemons: nothing acknowledged is
// ever lost. `HOLDFAST_SWEEP=full` kills a thousand times; HOLDFAST_SWEEP_KILLS (or HOLDFAST_KILLS,
// which all such loops obey) and HOLDFAST_SWEEP_SEED choose how often and which ones.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as timer } from "node:timers/promises";
import { Chance } from "../e2e/chance.ts";
import { TestSwarm, killDaemon, startHoldfast, startPeer, until } from "../e2e/harness.ts";
import type { Ran, TestPeer } from "../e2e/harness.ts";
import { digest, noise } from "../e2e/trees.ts";

const HOLDERS = 6;
const SHORT_KILLS = 25;
const FULL_KILLS = 1_000;
const SIZE_MAX = 6 * 2 ** 20;
const SAFE_MAX_MS = 120_000;
const { HOLDFAST_SWEEP_KILLS, HOLDFAST_KILLS, HOLDFAST_SWEEP } = process.env;
const kills = Number(
  HOLDFAST_SWEEP_KILLS ?? HOLDFAST_KILLS ?? (HOLDFAST_SWEEP === "full" ? FULL_KILLS : SHORT_KILLS),
);
const chance = Chance.from("HOLDFAST_SWEEP_SEED");

/** Content whose put was acknowledged: exit status 0. */
interface Acknowledged {
  path: string;
  snapshot: number;
  sizeBytes: number;
  digest: string;
}

let swarm: TestSwarm;
before(async () => {
  swarm = await TestSwarm.demo("sweep", HOLDERS);
});
after(() => swarm.stop());

class Sweep {
  readonly ledger: Acknowledged[] = [];
  lostBytes = 0;
  readonly counts: Record<string, number> = {};
  readonly #tell: (text: string) => void;
  /** How long each kind of command takes when nothing is killed. */
  readonly #typicalMs = new Map<string, number>();

  constructor(tell: (text: string) => void) {
    this.#tell = tell;
  }

  /** One kill at a random point of a random command. */
  async step(): Promise<void> {
    const die = chance.below(10);
    if (die < 6 || this.ledger.length === 0) await this.#put();
    else if (die < 9) await this.#get();
    else await this.#scrub();
  }

  /** Reads everything back from peers alone; counts what is lost. */
  async readAll(): Promise<void> {
    await until("all is safe", async () => (await status()).safe, SAFE_MAX_MS);
    for (const entry of this.ledger) await this.#check(entry, "--peers-only");
  }

  async #put(): Promise<void> {
    const sizeBytes = chance.below(chance.below(4) === 0 ? 60_000 : SIZE_MAX);
    const bytes = noise(sizeBytes, chance.below(2 ** 31));
    const source = swarm.path("source");
    writeFileSync(source, bytes);
    // Now and then a new version of a path that is there.
    const path = `/d${chance.below(9)}/f${chance.below(20)}`;
    const victim = this.#victim();
    const words = ["put", source, path, "--json"];
    let ran = await this.#killDuring("put", words, swarm.owner, victim);
    // What was not acknowledged is put again, as a user would: that must do.
    if (ran.status !== 0) ran = await this.#again("put", words);
    const { snapshot } = JSON.parse(ran.stdout) as { snapshot: number };
    const hash = createHash("sha256").update(bytes).digest("hex");
    const entry = { path, snapshot, sizeBytes, digest: hash };
    this.ledger.push(entry);
    await this.#check(entry);
  }

  async #get(): Promise<void> {
    const [entry] = chance.pick(this.ledger, 1);
    assert.ok(entry !== undefined);
    const target = swarm.path("target");
    rmSync(target, { force: true });
    const words = ["get", entry.path, target, "--at", String(entry.snapshot), "--json"];
    const ran = await this.#killDuring("get", words, swarm.owner, this.#victim());
    if (ran.status !== 0) await this.#check(entry);
    else this.#compare(entry, target);
  }

  async #scrub(): Promise<void> {
    const [holder] = chance.pick(swarm.peers, 1);
    assert.ok(holder !== undefined);
    const words = ["scrub", "--json"];
    let ran = await this.#killDuring("scrub", words, holder, holder);
    if (ran.status !== 0) ran = await this.#again("scrub", words, holder);
    assert.deepEqual((JSON.parse(ran.stdout) as { corrupt: string[] }).corrupt, []);
  }

  /** Runs a command and kills a daemon somewhere within the time that it usually takes; then starts
   * the daemon again. */
  async #killDuring(
    kind: string,
    words: readonly string[],
    peer: TestPeer,
    victim: TestPeer,
  ): Promise<Ran> {
    const startedMs = performance.now();
    const running = startHoldfast(["--home", peer.home, ...words]);
    await timer(chance.below(Math.ceil((this.#typicalMs.get(kind) ?? 600) * 1.1)));
    const killed = await killDaemon(victim.home);
    this.#count(`${killed ? "kills" : "misses"} of ${victim === swarm.owner ? "owner" : "holder"}`);
    const ran = await running.ended;
    if (ran.status === 0 && victim !== peer) this.#learn(kind, performance.now() - startedMs);
    await startPeer(victim.home);
    this.#count(`${kind}s ${ran.status === 0 ? "done" : "cut"}`);
    return ran;
  }

  async #again(kind: string, words: readonly string[], peer = swarm.owner): Promise<Ran> {
    const startedMs = performance.now();
    const ran = await startHoldfast(["--home", peer.home, ...words]).ended;
    assert.equal(ran.status, 0, `${kind} run again: ${ran.stderr}`);
    this.#learn(kind, performance.now() - startedMs);
    return ran;
  }

  async #check({ path, snapshot, ...entry }: Acknowledged, ...options: string[]): Promise<void> {
    const target = swarm.path("check");
    rmSync(target, { force: true });
    const ran = await swarm.run("get", path, target, "--at", String(snapshot), ...options);
    if (ran.status === 0) return this.#compare({ path, snapshot, ...entry }, target);
    this.lostBytes += entry.sizeBytes;
    this.#tell(`lost ${path} of snapshot ${snapshot}: ${ran.stderr}`);
  }

  #compare(entry: Acknowledged, target: string): void {
    if (digest(target) === entry.digest) return;
    this.lostBytes += entry.sizeBytes;
    this.#tell(`other bytes for ${entry.path} of snapshot ${entry.snapshot}`);
  }

  #victim(): TestPeer {
    const [holder] = chance.pick(swarm.peers, 1);
    return chance.below(2) === 0 || holder === undefined ? swarm.owner : holder;
  }

  #learn(kind: string, durationMs: number): void {
    const before = this.#typicalMs.get(kind) ?? durationMs;
    this.#typicalMs.set(kind, before * 0.7 + durationMs * 0.3);
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
}

function status(): Promise<{ safe: boolean }> {
  return swarm.ask<{ safe: boolean }>("status");
}

test(`${kills} kills with -9 lose no acknowledged byte`, { timeout: Infinity }, async (t) => {
  const sweep = new Sweep((text) => t.diagnostic(text));
  const startedMs = performance.now();
  const done = (): number =>
    (sweep.counts["kills of owner"] ?? 0) + (sweep.counts["kills of holder"] ?? 0);
  try {
    while (done() < kills) await sweep.step();
    await sweep.readAll();
    // And from the keys alone: without the index.
    await killDaemon(swarm.owner.home);
    for (const end of ["", "-wal", "-shm"]) {
      rmSync(join(swarm.owner.home, `index.db${end}`), { force: true });
    }
    await startPeer(swarm.owner.home);
    await sweep.readAll();
  } finally {
    const bytes = sweep.ledger.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    t.diagnostic(
      `seed ${chance.seed}: ${done()} kills in ${Math.round((performance.now() - startedMs) / 1000)} s, ` +
        `${sweep.ledger.length} acknowledged puts of ${bytes} bytes, ${sweep.lostBytes} bytes lost; ` +
        JSON.stringify(sweep.counts),
    );
  }
  assert.equal(sweep.lostBytes, 0);
});
