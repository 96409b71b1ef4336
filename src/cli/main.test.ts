import assert from "node:assert/strict";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { Command } from "commander";
import { homePaths } from "../daemon/home.ts";
import { VERSION } from "../daemon/version.ts";
import { openApi } from "./client.ts";
import { COMMANDS } from "./commands.ts";
import { STATUS } from "./exit-status.ts";
import { killDaemon, makeTestHomes, runCli, startCli } from "./testing.ts";
import type { Outcome } from "./testing.ts";

const homes = makeTestHomes();
after(() => homes.clean());
const run: typeof homes.run = (...args) => homes.run(...args);

function jsonOf(outcome: Outcome): Record<string, unknown> {
  assert.equal(outcome.status, 0, outcome.stderr);
  return JSON.parse(outcome.stdout) as Record<string, unknown>;
}

function assertFails(outcome: Outcome, status: number, message: RegExp): void {
  assert.equal(outcome.status, status, outcome.stderr);
  assert.match(outcome.stderr, /^error: /m);
  assert.match(outcome.stderr, message);
}

for (const [name, entry] of Object.entries(COMMANDS)) {
  test(`${name} --help ends in an example`, async () => {
    const command = new Command(name);
    let text = "";
    command.configureOutput({ writeOut: (part) => void (text += part) });
    (await entry.load()).configure(command);
    command.outputHelp();
    assert.match(text, new RegExp(`Example:\n  .*holdfast ${name}`));
  });
}

test("--version prints the version, --help all commands", async () => {
  assert.equal((await runCli(["--version"])).stdout, `${VERSION}\n`);
  const help = await runCli(["--help"]);
  for (const name of Object.keys(COMMANDS))
    assert.match(help.stdout, new RegExp(`^  ${name} `, "m"));
});

test("a wrong command line is a usage error with a hint", async () => {
  const wrong = [
    ["frob"],
    ["put"],
    ["put", "a", "b", "c"],
    ["ls", "--frob"],
    ["put", ".", "--code", "9/2"],
    ["put", "", "/x"],
    ["get", "/x", ""],
    ["peers", "add", ""],
    ["peers", "add", `${"a".repeat(52)}@host:99999`],
    ["config", "get", "frob"],
    ["demo", "--peers", "2", "--code", "3/9"],
  ];
  for (const args of wrong) {
    const outcome = await run("wrong", args);
    assertFails(outcome, STATUS.usage, /^hint: /m);
  }
  assertFails(await run("wrong", ["up", "--port", "x"]), STATUS.usage, /port x/);
  assertFails(await runCli(["--frob"]), STATUS.usage, /'--frob'[^]*^hint: /m);
  assertFails(await runCli(["--home", "x"]), STATUS.usage, /command is missing/);
  assertFails(await runCli(["--home", "", "status"]), STATUS.usage, /--home is empty/);
  assertFails(await runCli(["--home", "/dev/null", "status"]), STATUS.unreachable, /not running/);
  assert.equal(existsSync(homes.home("wrong")), false, "nothing was started for any of it");
});

test("put on a fresh home makes it, starts the daemon, warns, and get gives it back", async () => {
  const source = join(homes.folder, "source");
  mkdirSync(join(source, "empty"), { recursive: true });
  writeFileSync(join(source, "text"), "some text\n");
  const put = await run("fresh", ["put", source, "/tree"]);
  assert.equal(put.status, 0, put.stderr);
  assert.match(put.stderr, /made a new home/);
  assert.match(put.stderr, /warning: not yet safe/);
  const status = jsonOf(await run("fresh", ["status", "--json"]));
  assert.equal(status["safe"], false);
  const target = join(homes.folder, "target");
  jsonOf(await run("fresh", ["get", "/tree", target, "--json"]));
  assert.equal(readFileSync(join(target, "text"), "utf8"), "some text\n");
  assert.deepEqual(readdirSync(target).sort(), ["empty", "text"]);
});

test("what was put is there after kill -9, and after down and up", async () => {
  const pid = await killDaemon(homes.home("fresh"));
  assert.ok(pid !== undefined, "the daemon ran");
  const list = jsonOf(await run("fresh", ["ls", "-r", "--json", "/tree"]));
  assert.equal((list["entries"] as unknown[]).length, 2);
  assert.equal(jsonOf(await run("fresh", ["down", "--json"]))["stopped"], true);
  assert.equal(jsonOf(await run("fresh", ["down", "--json"]))["stopped"], false);
  assertFails(await run("fresh", ["status"]), STATUS.unreachable, /not running/);
  const bytes = await run("fresh", ["get", "/tree/text", "-"]);
  assert.equal(bytes.stdout, "some text\n");
});

test("a missing path fails with its hint, also as JSON", async () => {
  const missing = await run("fresh", ["get", "/no/such", join(homes.folder, "no"), "--json"]);
  assertFails(missing, STATUS.notFound, /^hint: /m);
  const { error } = JSON.parse(missing.stdout) as { error: { code: string } };
  assert.equal(error.code, "PATH_MISSING");
  assertFails(await run("fresh", ["get", "/no/such", "-"]), STATUS.notFound, /no\/such/);
  const source = join(homes.folder, "not-there");
  assertFails(await run("fresh", ["put", source, "/x"]), STATUS.notFound, /not-there/);
});

test("standard input and output are files too", async () => {
  const input = Buffer.alloc(3_000_001);
  for (let index = 0; index < input.length; index++) input[index] = (index * 31) >> 3;
  const put = await run("fresh", ["put", "-", "/stream"], { input });
  assert.equal(put.status, 0, put.stderr);
  const get = await run("fresh", ["get", "/stream", "-"]);
  assert.ok(get.bytes.equals(input));
  assertFails(await run("fresh", ["put", "-"]), STATUS.usage, /target/);
});

test("upload prints an id that download takes and list shows", async () => {
  const file = join(homes.folder, "report");
  writeFileSync(file, "a report");
  const id = (await run("fresh", ["upload", file])).stdout.trim();
  assert.match(id, /^[a-z2-7]{52}$/);
  const target = join(homes.folder, "report-again");
  jsonOf(await run("fresh", ["download", id, target, "--json"]));
  assert.equal(readFileSync(target, "utf8"), "a report");
  assert.ok((await run("fresh", ["list"])).stdout.includes(`${id}  /uploads${file}`));
  const other = id.replace(/^./, id.startsWith("a") ? "b" : "a");
  assertFails(await run("fresh", ["download", other, target]), STATUS.notFound, /content id/);
  assertFails(await run("fresh", ["download", "short", target]), STATUS.usage, /content id/);
});

test("rm and mv make snapshots that history lists", async () => {
  jsonOf(await run("fresh", ["mv", "/stream", "/moved", "--json"]));
  jsonOf(await run("fresh", ["rm", "/moved", "--json"]));
  assertFails(await run("fresh", ["get", "/moved", "-"]), STATUS.notFound, /moved/);
  const { snapshots } = jsonOf(await run("fresh", ["history", "--json"]));
  const messages = (snapshots as { message: string; number: number }[]).map(
    ({ message }) => message,
  );
  assert.match(messages[0] ?? "", /^rm/);
  assert.match(messages[1] ?? "", /^mv/);
  assert.equal((await run("fresh", ["scrub", "--json"])).status, 0);
});

test("a second daemon on a home is refused with the pid of the first", async () => {
  const about = jsonOf(await run("fresh", ["up", "--json"]));
  const second = await run("fresh", ["up", "--foreground"]);
  assert.match(second.stderr, new RegExp(`in use by the daemon with pid ${String(about["pid"])}`));
  assert.equal(second.status, STATUS.busy);
  assertFails(await run("fresh", ["up", "--port", "0"]), STATUS.busy, /in use/);
});

test("a daemon older than the program is restarted", async () => {
  const file = homePaths(homes.home("fresh")).daemon;
  const before = JSON.parse(readFileSync(file, "utf8")) as { pid: number };
  writeFileSync(file, JSON.stringify({ ...before, version: "0.0.1" }));
  const listed = await run("fresh", ["list"]);
  assert.match(listed.stderr, /restarting the daemon: it was version 0\.0\.1/);
  const now = JSON.parse(readFileSync(file, "utf8")) as { pid: number; version: string };
  assert.notEqual(now.pid, before.pid);
  assert.equal(now.version, VERSION);
});

test("commands at once on a fresh home share one daemon", async () => {
  const outcomes = await Promise.all([1, 2, 3].map(() => run("at-once", ["peers", "--json"])));
  for (const outcome of outcomes) assert.deepEqual(jsonOf(outcome), { peers: [] });
});

test("the port is kept; a taken one is refused by its number", async () => {
  const first = jsonOf(await run("at-once", ["up", "--json"]))["port"];
  await run("at-once", ["down"]);
  assert.equal(jsonOf(await run("at-once", ["up", "--json"]))["port"], first);
  await run("at-once", ["down"]);
  const taken = createServer().listen(Number(first));
  await once(taken, "listening");
  assertFails(
    await run("at-once", ["up"]),
    STATUS.busy,
    new RegExp(`port ${String(first)} is taken`),
  );
  const other = jsonOf(await run("at-once", ["up", "--port", "0", "--json"]))["port"];
  assert.notEqual(other, first);
  assert.equal((taken.address() as AddressInfo).port, first);
  taken.close();
});

test("config set checks before it writes; a broken file is refused with its line", async () => {
  jsonOf(await run("at-once", ["config", "set", "site", "cellar", "--json"]));
  assertFails(await run("at-once", ["config", "set", "port", "x"]), STATUS.usage, /port/);
  assert.equal((await run("at-once", ["config", "get", "site"])).stdout, "cellar\n");
  await run("at-once", ["down"]);
  const path = (await run("at-once", ["config", "path"])).stdout.trim();
  writeFileSync(path, 'site = "cellar"\nprot = 1\n');
  assertFails(await run("at-once", ["up"]), STATUS.usage, /line 2: prot/);
});

test("config set before the first start starts nothing, and the first start obeys it", async () => {
  const disk = join(homes.folder, "other-disk");
  jsonOf(await run("configured", ["config", "set", "store_dir", disk, "--json"]));
  assertFails(await run("configured", ["status"]), STATUS.unreachable, /not running/);
  assert.equal((await run("configured", ["config", "get", "store_dir"])).stdout, `${disk}\n`);
  jsonOf(await run("configured", ["up", "--json"]));
  assert.ok(existsSync(join(disk, "holdfast-store.json")));
});

test("a home of a newer version is left as it is", async () => {
  const home = homes.home("newer");
  mkdirSync(home);
  writeFileSync(join(home, "version"), "99\n");
  assertFails(await run("newer", ["ls"]), STATUS.failed, /version 99/);
  assert.deepEqual(readdirSync(home), ["version"]);
});

test("a folder of other things is not taken for a home", async () => {
  const home = homes.home("foreign");
  mkdirSync(home);
  writeFileSync(join(home, "thesis.tex"), "");
  assertFails(await run("foreign", ["up"]), STATUS.denied, /thesis\.tex/);
  assert.deepEqual(readdirSync(home), ["thesis.tex"]);
});

test("a flipped bit in a key is named, and no new key is made", async () => {
  jsonOf(await run("flipped", ["init", "--json"]));
  const file = join(homes.home("flipped"), "keys", "peer.key");
  const bytes = readFileSync(file);
  bytes[20] = (bytes[20] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  assertFails(await run("flipped", ["up"]), STATUS.corrupt, /peer\.key/);
  assert.deepEqual(readFileSync(file), bytes);
});

test("init joins the swarm of a key file, and refuses what is none", async () => {
  const key = join(homes.home("fresh"), "keys", "swarm.key");
  jsonOf(await run("member", ["init", "--swarm-key", key, "--json"]));
  assert.deepEqual(
    readFileSync(join(homes.home("member"), "keys", "swarm.key")),
    readFileSync(key),
  );
  const outcome = await run("stranger", ["init", "--swarm-key", import.meta.filename]);
  assertFails(outcome, STATUS.usage, /no swarm key/);
});

test("a store whose disk is not mounted is refused", async () => {
  const disk = join(homes.folder, "disk");
  mkdirSync(disk);
  const home = homes.home("mounted");
  mkdirSync(home);
  writeFileSync(join(home, "config.toml"), `store_dir = ${JSON.stringify(join(disk, "store"))}\n`);
  jsonOf(await run("mounted", ["up", "--json"]));
  await run("mounted", ["down"]);
  renameSync(disk, `${disk}-away`);
  mkdirSync(join(disk, "store"), { recursive: true });
  assertFails(await run("mounted", ["up"]), STATUS.notFound, /store/);
  assert.deepEqual(readdirSync(join(disk, "store")), []);
});

test("a home with a long path works", async () => {
  const name = "long/".repeat(30);
  const list = await run(name, ["ls", "--json", "/"]);
  assert.ok(Buffer.byteLength(homes.home(name)) > 108);
  assert.match(list.stderr, /PATH_MISSING|^$|nothing was put/m);
  assert.equal(jsonOf(await run(name, ["down", "--json"]))["stopped"], true);
});

test("a daemon that is killed while it works ends the command with a reason", async () => {
  jsonOf(await run("killed", ["up", "--json"]));
  // Standard input stays open: the put cannot end by itself.
  const child = startCli(["--home", homes.home("killed"), "put", "-", "/x"]);
  const closed = once(child, "close");
  let stderr = "";
  child.stderr.on("data", (part: Buffer) => void (stderr += part.toString()));
  child.stdin.on("error", () => {});
  child.stdin.write(Buffer.alloc(100_000));
  const socket = openApi(homePaths(homes.home("killed")).socket);
  // Seen several times, it is the put, not one of the short requests before it.
  let seen = 0;
  while (seen < 5 && child.exitCode === null) {
    const { jobs } = (await socket.ask("GET", "/v1/status")) as { jobs: number };
    seen = jobs > 1 ? seen + 1 : 0;
  }
  await killDaemon(homes.home("killed"));
  const [status] = (await closed) as [number];
  assert.equal(status, STATUS.unreachable, stderr);
  assert.match(stderr, /went away in the middle/);
});

test("up --foreground logs to the terminal and stops at a signal", async () => {
  const child = startCli(["--home", homes.home("foreground"), "up", "--foreground"]);
  const exited = once(child, "exit");
  for await (const part of child.stdout as AsyncIterable<Buffer>) {
    if (part.includes("daemon.ready")) break;
  }
  // The reader is gone from here on: that must not end the daemon.
  child.kill("SIGTERM");
  const [status] = (await exited) as [number];
  assert.equal(status, 0);
  assert.match((await run("foreground", ["logs", "-n", "1"])).stdout, /daemon\.stopped/);
  assertFails(await run("foreground", ["status"]), STATUS.unreachable, /not running/);
});

test("only a daemon that was started for it lets its clock be moved", async () => {
  const environment = { HOLDFAST_TEST_CLOCK: "1" };
  assert.equal((await run("steered", ["up"], { environment })).status, 0);
  jsonOf(await run("unsteered", ["up", "--json"]));
  const day = { advanceMs: 86_400_000 };
  const steered = openApi(homePaths(homes.home("steered")).socket);
  const { nowMs } = (await steered.ask("POST", "/v1/test/clock", day)) as { nowMs: number };
  assert.ok(nowMs >= Date.now() + 86_000_000);
  const unsteered = openApi(homePaths(homes.home("unsteered")).socket);
  await assert.rejects(unsteered.ask("POST", "/v1/test/clock", day), { code: "TEST_CLOCK_OFF" });
});

test("logs shows what the daemon wrote, running or not", async () => {
  await run("at-once", ["down"]);
  const logs = await run("at-once", ["logs"]);
  assert.match(logs.stdout, /daemon\.ready/);
  assertFails(await run("nothing", ["logs"]), STATUS.unreachable, /no log/);
});

test("service install says plainly that there is no systemd, or prints its unit", async () => {
  const unit = await run("with %percent", ["service", "install", "--print"]);
  assert.match(unit.stdout, /^ExecStart=.*"?.*with %%percent"? up --foreground$/m);
});
