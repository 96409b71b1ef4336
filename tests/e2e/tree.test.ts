// What is put comes back as it was: names, kinds, modes, times, links, versions, streams.
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { TestSwarm, holdfast } from "./harness.ts";
import { assertSameTree, describeTree, digest, makeUnusualTree, noise } from "./trees.ts";

interface Put {
  files: number;
  newBytes: number;
  storedBytes: number;
  snapshot: number;
  safe: boolean;
  contentId: string;
  warnings: number;
}
interface Listing {
  entries: { path: string; kind: string; sizeBytes: number; mode: number }[];
}

let swarm: TestSwarm;
before(async () => {
  swarm = await TestSwarm.demo("tree", 6);
});
after(() => swarm.stop());

test("a tree of unusual names, kinds, modes and times comes back identical", async () => {
  const source = swarm.path("unusual");
  makeUnusualTree(source);
  const put = await swarm.ask<Put>("put", source, "/unusual");
  assert.equal(put.safe, true);
  assert.equal(put.warnings, 0);
  const target = swarm.path("unusual-again");
  await swarm.ask("get", "/unusual", target, "--peers-only");
  assertSameTree(target, source);
  const exact = (path: string): number => statSync(path).mtimeMs;
  assert.ok(Math.abs(exact(`${target}/a/b/c`) - exact(`${source}/a/b/c`)) < 1, "with its fraction");
});

test("get over a tree that is there sets right what differs, and keeps what is not its own", async () => {
  const target = swarm.path("unusual-again");
  chmodSync(`${target}/size-1`, 0o777);
  writeFileSync(`${target}/size-odd`, "changed");
  writeFileSync(`${target}/own`, "the user's");
  await swarm.ask("get", "/unusual", target);
  assert.equal(readFileSync(`${target}/own`, "utf8"), "the user's");
  const wanted = describeTree(swarm.path("unusual"));
  const got = describeTree(target).filter((line) => !line.startsWith('"/own"'));
  assert.deepEqual(got, wanted);
});

test("ls -r names everything below a path once, and ls one level", async () => {
  const all = await swarm.ask<Listing>("ls", "-r", "/unusual");
  const paths = all.entries.map(({ path }) => path);
  assert.equal(new Set(paths).size, paths.length);
  assert.equal(paths.length, describeTree(swarm.path("unusual")).length - 1);
  const level = await swarm.ask<Listing>("ls", "/unusual/a");
  assert.deepEqual(
    level.entries.map(({ path }) => path),
    ["/unusual/a/absolute", "/unusual/a/b", "/unusual/a/round"],
  );
});

test("a put that changes nothing sends next to nothing", async () => {
  const again = await swarm.ask<Put>("put", swarm.path("unusual"), "/unusual-copy");
  assert.equal(again.newBytes, 0);
  assert.ok(again.storedBytes < 100_000, `${again.storedBytes} bytes sent for a known tree`);
});

test("put over a path makes a version, and get --at goes back to the older", async () => {
  const source = swarm.path("version");
  writeFileSync(source, "first");
  const first = await swarm.ask<Put>("put", source, "/version");
  writeFileSync(source, "second, longer");
  const second = await swarm.ask<Put>("put", source, "/version");
  assert.ok(second.snapshot > first.snapshot);
  const get = async (...words: string[]): Promise<string> => {
    const ran = await swarm.run("get", "/version", "-", ...words);
    assert.equal(ran.status, 0, ran.stderr);
    return ran.stdout;
  };
  assert.equal(await get(), "second, longer");
  assert.equal(await get("--at", String(first.snapshot)), "first");
  const history = await swarm.ask<{ snapshots: { number: number; message: string }[] }>(
    "history",
    "/version",
  );
  const numbers = history.snapshots.map(({ number }) => number);
  assert.deepEqual(numbers, [second.snapshot, first.snapshot], "the newest first");
  const none = await swarm.run("get", "/version", "-", "--at", "999");
  assert.notEqual(none.status, 0);
  assert.match(none.stderr, /^error: .*999[^]*hint: /);
});

test("standard input and output are files like others", async () => {
  const bytes = Buffer.from(noise(5_000_000, 7));
  writeFileSync(swarm.path("stream"), bytes);
  const { createReadStream } = await import("node:fs");
  const input = createReadStream(swarm.path("stream"));
  const put = await holdfast(["--home", swarm.owner.home, "put", "-", "/deep/new/stream"], {
    input,
  });
  assert.equal(put.status, 0, put.stderr);
  await swarm.ask("get", "/deep/new/stream", swarm.path("stream-again"), "--peers-only");
  assert.equal(digest(swarm.path("stream-again")), digest(swarm.path("stream")));
  const out = await swarm.run("get", "/unusual/a/b/7", "-");
  assert.equal(out.stdout, "small 7\n".repeat(7));
  const empty = await holdfast(["--home", swarm.owner.home, "put", "-", "/empty"], { input: "" });
  assert.equal(empty.status, 0, empty.stderr);
  assert.equal((await swarm.run("get", "/empty", "-")).stdout, "");
});

test("--exclude leaves out names and paths", async () => {
  const source = swarm.path("exclude");
  mkdirSync(`${source}/keep/cache`, { recursive: true });
  for (const name of ["a.tmp", "a.txt", "keep/b.tmp", "keep/cache/x", "keep/c.txt"]) {
    writeFileSync(`${source}/${name}`, name);
  }
  await swarm.ask("put", source, "/exclude", "--exclude", "*.tmp", "--exclude", "keep/cache");
  await swarm.ask("get", "/exclude", swarm.path("excluded"));
  const got = readdirSync(swarm.path("excluded"), { recursive: true, encoding: "utf8" });
  assert.deepEqual(got.toSorted(), ["a.txt", "keep", "keep/c.txt"]);
});

test("mv and rm make snapshots, and the older ones keep what was", async () => {
  writeFileSync(swarm.path("moved"), "to be moved");
  const put = await swarm.ask<Put>("put", swarm.path("moved"), "/from");
  await swarm.ask("mv", "/from", "/box/to");
  assert.equal((await swarm.run("get", "/box/to", "-")).stdout, "to be moved");
  const gone = await swarm.run("get", "/from", swarm.path("none"));
  assert.equal(gone.status, 3);
  assert.match(gone.stderr, /^error: .*\/from[^]*hint: /);
  assert.equal(existsSync(swarm.path("none")), false);
  await swarm.ask("rm", "/box");
  assert.equal((await swarm.run("ls", "/box")).status, 3);
  const before = await swarm.run("get", "/from", "-", "--at", String(put.snapshot));
  assert.equal(before.stdout, "to be moved");
  assert.equal((await swarm.run("rm", "/")).status, 2);
});

test("upload prints a content id, list shows it, download takes it", async () => {
  writeFileSync(swarm.path("report.txt"), "a report");
  const uploaded = await swarm.run("upload", swarm.path("report.txt"));
  assert.equal(uploaded.status, 0, uploaded.stderr);
  const id = uploaded.stdout.trim();
  assert.match(id, /^[a-z2-7]{52}$/);
  assert.match((await swarm.run("list")).stdout, new RegExp(`${id}.*report\\.txt`));
  await swarm.ask("download", id, swarm.path("downloaded"));
  assert.equal(readFileSync(swarm.path("downloaded"), "utf8"), "a report");
  const none = await swarm.run("download", "a".repeat(52), swarm.path("none"));
  assert.equal(none.status, 3);
  assert.match(none.stderr, /hint: /);
});

test("wrong paths are refused by name, with a hint, and nothing changes", async () => {
  const before = await swarm.ask<{ snapshot: number }>("status");
  for (const words of [
    ["put", swarm.path("not-there"), "/x"],
    ["put", "/dev/null", "/x"],
    ["get", "/no/such", swarm.path("none")],
    ["ls", "/no/such"],
    ["rm", "/no/such"],
    ["mv", "/no/such", "/x"],
    ["mv", "/unusual", "/unusual/a/inside"],
    ["mv", "/box/to", "/box"],
    ["get", "other:/a", swarm.path("none")],
    ["put", swarm.path("report.txt"), "/report/../../x"],
  ]) {
    const ran = await swarm.run(...words);
    assert.ok(ran.status !== 0 && ran.status !== 70, `${words.join(" ")}: ${ran.status}`);
    assert.match(ran.stderr, /^error: .+\nhint: .+\n$/, words.join(" "));
  }
  assert.equal(existsSync(swarm.path("none")), false);
  const status = await swarm.ask<{ snapshot: number; safe: boolean }>("status");
  assert.deepEqual([status.snapshot, status.safe], [before.snapshot, true]);
});
