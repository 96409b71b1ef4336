import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as timer } from "node:timers/promises";
import { readDaemonFile } from "../../daemon/daemon-file.ts";
import { homePaths } from "../../daemon/home.ts";
import { killDaemon, runCli } from "../testing.ts";
import { startOf } from "./process-identity.ts";
import { readRecord, writeRecord } from "./record.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-demo-test-"));
after(() => rmSync(folder, { recursive: true }));

interface Peers {
  home: string;
  peers: { id: string; pid: number; home: string; port: number }[];
}

test("demo --detach starts a swarm that stores for its owner; demo stop ends just that", async () => {
  const dir = join(folder, "swarm");
  const started = await runCli(["demo", "--peers", "3", "--dir", dir, "--detach", "--json"]);
  assert.equal(started.status, 0, started.stderr);
  const { home, peers } = JSON.parse(started.stdout) as Peers;
  let restarted = 0;
  try {
    assert.equal(peers.length, 3);
    assert.equal(new Set(peers.flatMap(({ id, pid, port }) => [id, pid, port])).size, 9);
    const again = await runCli(["demo", "--dir", dir, "--detach"]);
    assert.equal(again.status, 8, "a second demo in the folder is refused");
    const put = await runCli(["--home", home, "put", import.meta.filename, "/a", "--json"]);
    assert.deepEqual({ ...(JSON.parse(put.stdout) as object), safe: true }, JSON.parse(put.stdout));
    process.kill(peers[0]?.pid ?? 0, "SIGKILL");
    await killDaemon(home);
    const get = await runCli(["--home", home, "get", "/a", "-", "--peers-only"]);
    restarted = readDaemonFile(homePaths(home))?.pid ?? 0;
    assert.match(get.stdout, /demo --detach starts a swarm/);
  } finally {
    const stopped = await runCli(["demo", "stop", "--dir", dir, "--json"]);
    assert.deepEqual(JSON.parse(stopped.stdout), { ended: 3 });
  }
  assert.deepEqual(
    peers.filter(({ pid }) => startOf(pid) !== undefined),
    [],
  );
  assert.equal(startOf(restarted), undefined, "the owner that a command has started again");
  assert.equal(existsSync(dir), false, "the demo made the folder, and took it away");
  assert.equal((await runCli(["demo", "stop", "--dir", dir])).status, 3);
});

test("demo stop ends no process that has another start time than the record's", async () => {
  const dir = join(folder, "reused");
  mkdirSync(dir);
  writeFileSync(join(dir, "mine"), "");
  const bystander = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  const pid = bystander.pid ?? 0;
  const peer = { name: "peer-01", id: "", pid, home: join(dir, "peer-01"), port: 1, start: "1" };
  writeRecord(dir, { version: 1, made: false, owner: undefined, peers: [peer] });
  const stopped = await runCli(["demo", "stop", "--dir", dir, "--json"]);
  assert.deepEqual(JSON.parse(stopped.stdout), { ended: 0 });
  assert.notEqual(startOf(pid), undefined);
  assert.equal(readRecord(dir), undefined);
  assert.deepEqual(readdirSync(dir), ["mine"], "what is the user's stays");
  bystander.kill("SIGKILL");
  await once(bystander, "exit");
});

test("a demo that is interrupted while it starts leaves nothing", async () => {
  const dir = join(folder, "interrupted");
  const main = join(import.meta.dirname, "..", "main.ts");
  const child = spawn(process.execPath, [main, "demo", "--peers", "4", "--dir", dir]);
  const exited = once(child, "exit");
  while (readRecordIfWhole(dir)?.owner === undefined && child.exitCode === null) await timer(10);
  const { owner } = readRecordIfWhole(dir) ?? {};
  child.kill("SIGINT");
  const [status] = (await exited) as [number];
  assert.equal(status, 130);
  assert.equal(startOf(owner?.pid ?? 0), undefined);
  assert.equal(existsSync(dir), false);
});

function readRecordIfWhole(dir: string): ReturnType<typeof readRecord> {
  return existsSync(dir) ? readRecord(dir) : undefined;
}
