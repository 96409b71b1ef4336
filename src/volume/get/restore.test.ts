import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { never, storedVolume } from "../../../tests/fixtures/stored-volume.ts";
import type { StoredVolume } from "../../../tests/fixtures/stored-volume.ts";
import { targetFiles } from "../../adapters/target.node.ts";
import { utf8 } from "../../base/bytes.ts";
import { HoldfastError } from "../../base/error.ts";
import { MIB } from "../../base/limits.ts";
import type { TreeEntry } from "../../codec/tree.ts";

const CODE = { k: 2, n: 4 };
const OPTIONS = { peersOnly: true };

/** Everything about a tree that a restore has to give back; one line an entry. */
function lines(root: string): string[] {
  const found: string[] = [];
  const visit = (path: Buffer, shown: string): void => {
    const stat = lstatSync(path, { bigint: true });
    // Node sets times to the microsecond.
    const time = stat.mtimeNs / 1000n;
    let content = "";
    if (stat.isFile()) content = readFileSync(path).toString("hex");
    if (stat.isSymbolicLink()) content = readlinkSync(path, { encoding: "buffer" }).toString("hex");
    found.push(`${shown} ${stat.mode.toString(8)} ${time} ${content}`);
    if (!stat.isDirectory()) return;
    for (const name of readdirSync(path, { encoding: "buffer" }).sort((a, b) => a.compare(b))) {
      visit(Buffer.concat([path, Buffer.from("/"), name]), `${shown}/${name.toString("hex")}`);
    }
  };
  visit(Buffer.from(root), "");
  return found;
}

/** Names of what writers left below `root`. */
function leftovers(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.includes(".holdfast-"),
  );
}

function makeTree(root: string): void {
  mkdirSync(join(root, "deep", "ü ñ", "日本"), { recursive: true });
  mkdirSync(join(root, "empty"));
  writeFileSync(join(root, "nothing"), "");
  writeFileSync(join(root, "deep", "ü ñ", "日本", "text"), "one\n");
  writeFileSync(join(root, "deep", "e\u0301"), "decomposed");
  writeFileSync(join(root, "deep", "\u00e9"), "composed");
  writeFileSync(join(root, "deep", "x".repeat(255)), "a long name");
  writeFileSync(join(root, "new\nline"), "a");
  writeFileSync(Buffer.concat([Buffer.from(root), Buffer.from([0x2f, 0xff, 0xfe, 0x80])]), "raw");
  writeFileSync(join(root, "big"), randomBytes(6 * MIB + 123));
  writeFileSync(join(root, "zeros"), Buffer.alloc(9 * MIB));
  symlinkSync("../nowhere", join(root, "link"));
  symlinkSync(Buffer.from([0xfe, 0x2f, 0x61]), join(root, "raw link"));
  lutimesSync(join(root, "link"), "-1.5", "-1.5");
  utimesSync(join(root, "nothing"), 981_173_106.987654, 981_173_106.987654);
  utimesSync(join(root, "zeros"), "-86400.25", "-86400.25");
  chmodSync(join(root, "big"), 0o4640);
  chmodSync(join(root, "nothing"), 0o000);
  chmodSync(join(root, "empty"), 0o1777);
  utimesSync(join(root, "deep", "ü ñ"), 5, 5);
  chmodSync(join(root, "deep"), 0o550);
  utimesSync(root, 1_000_000_000, 1_000_000_000);
  chmodSync(root, 0o750);
}

async function restore(volume: StoredVolume, entry: TreeEntry, target: string): Promise<void> {
  await volume.getter().restore(entry, target, OPTIONS, volume.report, never);
}

function refusal(code: string, part: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof HoldfastError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, part);
    assert.ok(error.hint !== undefined);
    return true;
  };
}

test("restore() gives back a tree with kinds, names, modes, times and links", async () => {
  await using volume = await storedVolume(CODE);
  const source = join(volume.folder, "in");
  mkdirSync(source);
  makeTree(source);
  const wanted = lines(source);
  const entry = await volume.put(source);
  const target = join(volume.folder, "out");
  await restore(volume, entry, target);
  assert.deepEqual(lines(target), wanted);
  // Over itself, as after an interruption, with read-only folders in the way.
  writeFileSync(join(target, "big"), "other");
  await restore(volume, entry, target);
  assert.deepEqual(lines(target), wanted);
});

test("restore() takes many entries window by window", async () => {
  await using volume = await storedVolume(CODE);
  const source = join(volume.folder, "in");
  for (let folder = 0; folder < 60; folder++) {
    mkdirSync(join(source, `${folder}`), { recursive: true });
    for (let at = 0; at < 100; at++) writeFileSync(join(source, `${folder}`, `${at}`), `${at}`);
  }
  const wanted = lines(source);
  const entry = await volume.put(source);
  const target = join(volume.folder, "out");
  const { report } = volume;
  const summary = await volume.getter().restore(entry, target, OPTIONS, report, never);
  assert.equal(summary.files, 6000);
  assert.deepEqual(lines(target), wanted);
});

test("restore() merges into a folder and leaves what else is in it", async () => {
  await using volume = await storedVolume(CODE);
  const source = join(volume.folder, "in");
  mkdirSync(source);
  writeFileSync(join(source, "a"), "new");
  const entry = await volume.put(source);
  const target = join(volume.folder, "out");
  mkdirSync(target);
  writeFileSync(join(target, "a"), "old");
  writeFileSync(join(target, "b"), "mine");
  await restore(volume, entry, target);
  assert.equal(readFileSync(join(target, "a"), "utf8"), "new");
  assert.equal(readFileSync(join(target, "b"), "utf8"), "mine");
});

test("restore() never writes through a link in the target", async () => {
  await using volume = await storedVolume(CODE);
  const source = join(volume.folder, "in");
  const outside = join(volume.folder, "outside");
  const target = join(volume.folder, "out");
  for (const folder of [source, outside, target]) mkdirSync(folder);
  mkdirSync(join(source, "sub"));
  writeFileSync(join(source, "sub", "file"), "content");
  writeFileSync(join(source, "plain"), "content");
  writeFileSync(join(outside, "victim"), "untouched");
  const entry = await volume.put(source);
  symlinkSync(join(outside, "victim"), join(target, "plain"));
  symlinkSync(outside, join(target, "sub"));
  await assert.rejects(
    restore(volume, entry, target),
    refusal("TARGET_BLOCKED", /"[^"]*\/out\/sub": a symbolic link is in the way/u),
  );
  assert.deepEqual(readdirSync(outside), ["victim"]);
  assert.equal(readFileSync(join(outside, "victim"), "utf8"), "untouched");
  assert.deepEqual(leftovers(target), []);
  const link = join(volume.folder, "link");
  symlinkSync(outside, link);
  await assert.rejects(restore(volume, entry, link), refusal("TARGET_BLOCKED", /symbolic link/u));
  assert.deepEqual(readdirSync(outside), ["victim"]);
});

test("restore() refuses what is of another kind, and what has no place", async () => {
  await using volume = await storedVolume(CODE);
  const file = join(volume.folder, "file");
  const folder = join(volume.folder, "folder");
  const link = join(volume.folder, "link");
  const pipe = join(volume.folder, "pipe");
  writeFileSync(file, "content");
  mkdirSync(folder);
  symlinkSync("file", link);
  execFileSync("mkfifo", [pipe]);
  const entries = {
    file: await volume.put(file),
    folder: await volume.put(folder),
    link: await volume.put(link),
  };
  const cases: [keyof typeof entries, string, RegExp][] = [
    ["file", folder, /directory is in the way/u],
    ["link", folder, /directory is in the way/u],
    ["folder", file, /file is in the way/u],
    ["folder", link, /link is in the way/u],
    ["file", pipe, /pipe or socket is in the way/u],
    ["file", join(volume.folder, "none", "file"), /no directory/u],
    ["folder", join(volume.folder, "none", "folder"), /no directory/u],
    ["file", join(file, "below"), /file is in the way/u],
  ];
  for (const [kind, target, part] of cases) {
    await assert.rejects(restore(volume, entries[kind], target), refusal("TARGET_BLOCKED", part));
  }
  assert.equal(readFileSync(file, "utf8"), "content");
  assert.deepEqual(leftovers(volume.folder), []);
  await restore(volume, entries.link, file);
  assert.equal(readlinkSync(file), "file");
});

test("restore() names the file and leaves nothing behind when the disk is full", async (t) => {
  await using volume = await storedVolume(CODE);
  const small = join(volume.folder, "small");
  mkdirSync(small);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", small], { stdio: "ignore" });
  } catch {
    t.skip("a small disk can only be mounted by root");
    return;
  }
  try {
    const path = join(volume.folder, "in");
    writeFileSync(path, randomBytes(6 * MIB));
    const entry = await volume.put(path);
    await assert.rejects(
      restore(volume, entry, join(small, "out")),
      refusal("TARGET_FULL", /no space left to write "[^"]*\/small\/out"/u),
    );
    assert.deepEqual(readdirSync(small), []);
  } finally {
    execFileSync("umount", [small]);
  }
});

test("restore() leaves no temporary file when it is aborted, and completes the next time", async () => {
  await using volume = await storedVolume({ k: 2, n: 16 });
  const path = join(volume.folder, "in");
  const target = join(volume.folder, "out");
  const bytes = randomBytes(24 * MIB);
  writeFileSync(path, bytes);
  const entry = await volume.put(path);
  const stop = new AbortController();
  let seen: string[] = [];
  const report = (event: { event: string; bytes?: number }): void => {
    if (event.event !== "progress" || (event.bytes ?? 0) === 0 || stop.signal.aborted) return;
    seen = leftovers(volume.folder);
    stop.abort(new Error("enough"));
  };
  await assert.rejects(
    volume.getter().restore(entry, target, OPTIONS, report, stop.signal),
    /enough/u,
  );
  assert.equal(seen.length, 1, "it was aborted in the middle");
  assert.deepEqual(leftovers(volume.folder), []);
  assert.ok(!existsSync(target));
  await restore(volume, entry, target);
  assert.ok(readFileSync(target).equals(bytes));
});

test("restore() removes what a killed process left, but not what one that lives is writing", async () => {
  await using volume = await storedVolume(CODE);
  const source = join(volume.folder, "in");
  const target = join(volume.folder, "out");
  for (const folder of [source, target]) mkdirSync(folder);
  writeFileSync(join(source, "a"), "a");
  const entry = await volume.put(source);
  // No process has this number: it is beyond what Linux gives.
  const left = ".a.holdfast-4194305-123-0123456789";
  writeFileSync(join(target, left), "half");
  const living = targetFiles.create(utf8(join(target, "b")));
  const [begun] = readdirSync(target).filter((name) => name.startsWith(".b.holdfast-"));
  await restore(volume, entry, target);
  assert.deepEqual(readdirSync(target).toSorted(), [begun, "a"]);
  living.abort();
  assert.deepEqual(readdirSync(target), ["a"]);
});
