import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openApi } from "../../src/cli/client.ts";
import { STATUS } from "../../src/cli/exit-status.ts";
import { killDaemon, makeTestHomes } from "../../src/cli/testing.ts";
import type { Outcome, RunOptions } from "../../src/cli/testing.ts";
import { until } from "./harness.ts";
import { homePaths } from "../../src/daemon/home.ts";

interface PeerRow {
  id: string;
  reachable?: boolean;
  carrier?: string;
}

const homes = makeTestHomes();
after(() => homes.clean());

/** A command on a home. */
function run(name: string, args: string[], options?: RunOptions): Promise<Outcome> {
  return homes.run(name, args, options);
}

async function jsonOf<T>(name: string, ...args: string[]): Promise<T> {
  const outcome = await run(name, [...args, "--json"]);
  assert.equal(outcome.status, 0, outcome.stderr);
  return JSON.parse(outcome.stdout) as T;
}

async function invite(name: string, ...options: string[]): Promise<string> {
  const outcome = await run(name, ["invite", ...options]);
  assert.equal(outcome.status, 0, outcome.stderr);
  return outcome.stdout.trim();
}

function join(name: string, invitation: string): Promise<Outcome> {
  return run(name, ["join", "-"], { input: Buffer.from(invitation) });
}

function assertFails(outcome: Outcome, status: number, message: RegExp): void {
  assert.equal(outcome.status, status, outcome.stderr);
  assert.match(outcome.stderr, message);
}

/** Who answers `name`, by the first peer of each home. */
async function there(name: string): Promise<string[]> {
  const { peers } = await jsonOf<{ peers: PeerRow[] }>(name, "peers", "--probe");
  return peers.flatMap(({ id, reachable }) => (reachable === true ? [id] : []));
}

async function idOf(name: string): Promise<string> {
  return (await jsonOf<{ peer: string }>(name, "status")).peer;
}

test("a blank machine joins with one string, once, and both know each other", async () => {
  const invitation = await invite("founder");
  const joined = await join("guest", invitation);
  assert.equal(joined.status, 0, joined.stderr);
  assert.match(joined.stdout, /joined the swarm/);
  assert.deepEqual(await there("guest"), [await idOf("founder")]);
  assert.deepEqual(await there("founder"), [await idOf("guest")]);
  const swarm = await jsonOf<{ id: string; isFounder: boolean }>("guest", "swarm");
  assert.equal(swarm.id, (await jsonOf<{ id: string }>("founder", "swarm")).id);
  assert.equal(swarm.isFounder, false);
  assertFails(await join("late", invitation), STATUS.denied, /used up[^]*^hint: /m);
  assert.deepEqual(await there("late"), [], "who was refused knows nobody");
});

test("whoever is in a swarm with others joins no other", async () => {
  const other = await invite("late");
  assertFails(await join("guest", other), STATUS.usage, /with 1 others?[^]*swarm leave/);
});

test("an inviter that is killed lets guests in through another member", async () => {
  const invitation = await invite("founder", "--uses", "2");
  await killDaemon(homes.home("founder"));
  const joined = await join("cousin", invitation);
  assert.equal(joined.status, 0, joined.stderr);
  assert.deepEqual(await there("cousin"), [await idOf("guest")]);
  assert.equal((await run("founder", ["up"])).status, 0);
});

test("rekey shuts out who is left behind, and nobody else", async () => {
  const guest = await idOf("guest");
  const cousin = await idOf("cousin");
  // It was killed just after it was told of them; they tell it again.
  const known = async (): Promise<boolean> => {
    const ids = await there("founder");
    return ids.includes(guest) && ids.includes(cousin);
  };
  await until("the founder knows both", known, 60_000);
  assertFails(await run("guest", ["swarm", "rekey"]), STATUS.denied, /founder/);
  const rekeyed = await jsonOf<{ number: number; leftBehind: string[] }>(
    ...(["founder", "swarm", "rekey", "--without", guest.slice(0, 12)] as const),
  );
  assert.equal(rekeyed.number, 2);
  assert.deepEqual(rekeyed.leftBehind, [guest]);
  assert.deepEqual(await there("guest"), []);
  assert.equal((await there("founder")).includes(guest), false);
  assert.deepEqual(await there("cousin"), [await idOf("founder")]);
});

test("a member that was off while the key changed fetches the new one", async () => {
  assert.equal((await join("sleeper", await invite("boss"))).status, 0);
  const [boss, sleeper] = [await idOf("boss"), await idOf("sleeper")];
  const known = async (): Promise<boolean> => (await there("boss")).includes(sleeper);
  await until("the boss knows the sleeper", known, 60_000);
  await killDaemon(homes.home("sleeper"));
  const rekeyed = await jsonOf<{ waiting: number }>("boss", "swarm", "rekey", "--yes");
  assert.equal(rekeyed.waiting, 1);
  const awake = async (): Promise<boolean> => (await there("sleeper")).includes(boss);
  await until("the sleeper reaches the boss", awake, 60_000);
  const { keyNumber } = await jsonOf<{ keyNumber: number }>("sleeper", "swarm");
  assert.equal(keyNumber, 2);
});

test("nobody who answers is an error of its own, and the home can still join elsewhere", async () => {
  const invitation = await invite("lonely");
  await killDaemon(homes.home("lonely"));
  assertFails(await join("seeker", invitation), STATUS.unreachable, /^hint: /m);
  const joined = await join("seeker", await invite("founder"));
  assert.equal(joined.status, 0, joined.stderr);
});

test("an invitation ends by the clock of the member that is asked", async () => {
  const environment = { HOLDFAST_TEST_CLOCK: "1" };
  assert.equal((await run("steered", ["up"], { environment })).status, 0);
  const invitation = await invite("steered", "--expires", "30m");
  const api = openApi(homePaths(homes.home("steered")).socket);
  await api.ask("POST", "/v1/test/clock", { advanceMs: 31 * 60_000 });
  assertFails(await join("tardy", invitation), STATUS.denied, /ended|expired/);
  const mended = await join("tardy", await invite("steered", "--expires", "30m"));
  assert.equal(mended.status, 0, mended.stderr);
});

test("doctor looks at a real peer and finds nothing that fails", async () => {
  const outcome = await run("founder", ["doctor", "--json"]);
  const report = JSON.parse(outcome.stdout) as { findings: { name: string; verdict: string }[] };
  assert.equal(outcome.status, 0, outcome.stdout);
  const verdicts = new Map(report.findings.map(({ name, verdict }) => [name, verdict]));
  assert.equal(verdicts.get("home"), "ok");
  assert.equal(verdicts.get("peers"), "ok");
});
