import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import { noise, prose } from "../../../tests/noise.ts";
import { LIVE, PackingHome, entryNamed } from "../../../tests/packing.ts";
import { HoldfastError } from "../../base/error.ts";
import { concatBytes, utf8 } from "../../base/bytes.ts";
import { KIB, MIB } from "../../base/limits.ts";
import type { TreeEntry } from "../../codec/tree.ts";
import type { SourceFile, SourceFiles, SourceStat } from "../../ports/source.ts";

const base = mkdtempSync(join(tmpdir(), "holdfast-scan-"));
after(() => {
  execFileSync("chmod", ["-R", "u+rwx", base]);
  rmSync(base, { recursive: true });
});
let folder = "";
let round = 0;
beforeEach(() => {
  folder = join(base, String(round++));
  mkdirSync(folder);
});

async function scan(
  home: PackingHome,
  path: string | Uint8Array,
  exclude: readonly string[] = [],
): Promise<{ entry: TreeEntry; entries: TreeEntry[] }> {
  const bytes = typeof path === "string" ? utf8(path) : path;
  const { entry } = await home.with((session) => session.scan(bytes, exclude, LIVE));
  const entries = entry.kind === "directory" ? home.readDirectory(entry.subtree) : [];
  return { entry, entries };
}

const shown = (entries: readonly TreeEntry[]): string[] =>
  entries.map(({ name }) => Buffer.from(name).toString());
const codes = (home: PackingHome): string[] =>
  home.warnings.map(({ code, path }) => `${code} ${path}`);

describe("scan", () => {
  test("the peer's own home is left out, with a warning", async () => {
    mkdirSync(join(folder, "a/.holdfast/keys"), { recursive: true });
    mkdirSync(join(folder, "b/.holdfast"), { recursive: true });
    const home = new PackingHome(undefined, undefined, join(folder, "a/.holdfast/index.db"));
    const { entries } = await scan(home, folder);
    const inside = entries.map((entry) => {
      assert.ok(entry.kind === "directory");
      return shown(home.readDirectory(entry.subtree));
    });
    assert.deepEqual(inside, [[], [".holdfast"]]);
    assert.deepEqual(codes(home), ["HOME_LEFT_OUT a/.holdfast"]);
  });

  test("files, empty ones too, directories and links come back with modes and times", async () => {
    writeFileSync(join(folder, "file"), prose(5000, 1), { mode: 0o640 });
    writeFileSync(join(folder, "empty"), "");
    writeFileSync(join(folder, "run"), "#!", { mode: 0o4755 });
    chmodSync(join(folder, "run"), 0o4755);
    mkdirSync(join(folder, "void"));
    mkdirSync(join(folder, "deep/er/est"), { recursive: true });
    writeFileSync(join(folder, "deep/er/est/x"), "x");
    symlinkSync("../nowhere/at all", join(folder, "link"));
    symlinkSync(".", join(folder, "loop"));
    utimesSync(join(folder, "file"), 1, 1_234_567_890.123);
    utimesSync(join(folder, "empty"), 1, -5);
    const home = new PackingHome();
    const { entry, entries } = await scan(home, folder);
    assert.deepEqual(shown(entries), ["deep", "empty", "file", "link", "loop", "run", "void"]);
    for (const each of [entry, ...entries]) {
      const path = each === entry ? folder : join(folder, Buffer.from(each.name).toString());
      const stat = lstatSync(path, { bigint: true });
      assert.equal(each.mtimeNs, stat.mtimeNs, path);
      assert.equal(each.mode, Number(stat.mode & 0o7777n), path);
    }
    assert.deepEqual(home.readFile(entryNamed(entries, "file")), prose(5000, 1));
    assert.deepEqual(home.readFile(entryNamed(entries, "empty")), new Uint8Array());
    const link = entryNamed(entries, "link");
    assert.ok(link.kind === "symlink");
    assert.equal(Buffer.from(link.target).toString(), "../nowhere/at all");
    const nothing = entryNamed(entries, "void");
    assert.ok(nothing.kind === "directory");
    assert.deepEqual(home.readDirectory(nothing.subtree), []);
    assert.deepEqual(home.warnings, []);
  });

  test("counts say what there is", async () => {
    writeFileSync(join(folder, "a"), noise(100, 1));
    writeFileSync(join(folder, "b"), noise(50, 2));
    symlinkSync("a", join(folder, "c"));
    mkdirSync(join(folder, "d"));
    const home = new PackingHome();
    const { counts } = await home.with((s) => s.scan(utf8(folder), [], LIVE));
    assert.equal(counts.files, 3);
    assert.equal(counts.directories, 2);
    assert.equal(counts.bytes, 150);
    assert.ok(counts.newBytes > 150, "tree nodes count as well");
  });

  test("a single file, link or empty directory is stored as itself", async () => {
    const home = new PackingHome();
    writeFileSync(join(folder, "one"), "1");
    symlinkSync("one", join(folder, "two"));
    const one = await scan(home, join(folder, "one"));
    assert.equal(Buffer.from(one.entry.name).toString(), "one");
    assert.deepEqual(home.readFile(one.entry), utf8("1"));
    assert.equal((await scan(home, join(folder, "two"))).entry.kind, "symlink");
  });

  test("names are bytes: in any Unicode form, with line breaks, and no UTF-8 at all", async () => {
    const names = ["\u00e9", "e\u0301", "a\nb", " ", "-rf", "\u{1f40b}", "x".repeat(255)].map(utf8);
    names.push(Uint8Array.of(0xff, 0xfe, 0x80), Uint8Array.of(0xc3));
    for (const [seed, name] of names.entries()) {
      writeFileSync(Buffer.from(concatBytes(utf8(`${folder}/`), name)), noise(10, seed));
    }
    const home = new PackingHome();
    const { entries } = await scan(home, folder);
    assert.equal(entries.length, names.length);
    for (const [seed, name] of names.entries()) {
      const entry = entries.find((each) => Buffer.from(each.name).equals(name));
      assert.ok(entry !== undefined);
      assert.deepEqual(home.readFile(entry), noise(10, seed));
    }
  });

  test("what matches a pattern is left out with all below it", async () => {
    mkdirSync(join(folder, "src/build"), { recursive: true });
    mkdirSync(join(folder, "my-cache"));
    for (const name of ["a.o", "a.c", "src/b.o", "src/b.c", "src/build/c.c", "my-cache/x"]) {
      writeFileSync(join(folder, name), name);
    }
    const home = new PackingHome();
    const { entries } = await scan(home, folder, ["*.o", "src/build", "my-cache"]);
    assert.deepEqual(shown(entries), ["a.c", "src"]);
    const src = entryNamed(entries, "src");
    assert.ok(src.kind === "directory");
    assert.deepEqual(shown(home.readDirectory(src.subtree)), ["b.c"]);
    assert.deepEqual(home.warnings, []);
  });

  test("pipes and sockets are left out with a warning, and refused alone", async () => {
    execFileSync("mkfifo", [join(folder, "pipe")]);
    writeFileSync(join(folder, "file"), "f");
    const home = new PackingHome();
    const { entries } = await scan(home, folder);
    assert.deepEqual(shown(entries), ["file"]);
    assert.deepEqual(codes(home), ["FILE_SPECIAL pipe"]);
    await assert.rejects(scan(home, join(folder, "pipe")), { code: "FILE_SPECIAL" });
  });

  test("what is not there is refused with a hint", async () => {
    const home = new PackingHome();
    await assert.rejects(
      scan(home, join(folder, "nothing")),
      (error: unknown) =>
        error instanceof HoldfastError && error.code === "FILE_MISSING" && error.hint !== undefined,
    );
    writeFileSync(join(folder, "file"), "f");
    await assert.rejects(scan(home, join(folder, "file/below")), { code: "FILE_MISSING" });
  });

  test("what cannot be read is left out with a warning, the rest is stored", async () => {
    mkdirSync(join(folder, "closed"));
    for (const name of ["a", "b", "closed/c"]) writeFileSync(join(folder, name), name);
    const home = new PackingHome();
    home.source = new FaultySource({ unreadable: [join(folder, "a"), join(folder, "closed")] });
    const { entries } = await scan(home, folder);
    assert.deepEqual(shown(entries), ["b"]);
    assert.deepEqual(codes(home), ["FILE_UNREADABLE a", "FILE_UNREADABLE closed"]);
    await assert.rejects(scan(home, join(folder, "a")), { code: "FILE_UNREADABLE" });
  });

  test("a file that goes away between listing and reading is left out with a warning", async () => {
    for (const name of ["a", "b"]) writeFileSync(join(folder, name), name);
    const home = new PackingHome();
    home.source = new FaultySource({
      onStat: (path) => path.endsWith("/a") && rmSync(join(folder, "a"), { force: true }),
    });
    const { entries } = await scan(home, folder);
    assert.deepEqual(shown(entries), ["b"]);
    assert.deepEqual(codes(home), ["FILE_MISSING a"]);
  });

  test("a pipe that takes a file's place does not stop the reading, and is not stored", async () => {
    writeFileSync(join(folder, "a"), "a");
    const home = new PackingHome();
    home.source = new FaultySource({
      onOpen: () => {
        rmSync(join(folder, "a"));
        execFileSync("mkfifo", [join(folder, "a")]);
      },
    });
    const { entries } = await scan(home, folder);
    assert.deepEqual(entries, []);
    assert.deepEqual(codes(home), ["FILE_SPECIAL a"]);
  });

  test("an error that is no file's fault ends the scan", async () => {
    writeFileSync(join(folder, "a"), "a");
    const home = new PackingHome();
    home.source = new FaultySource({
      onStat: () => {
        throw new TypeError("a bug");
      },
    });
    await assert.rejects(scan(home, folder), { code: "WORKER_FAILED", message: /a bug/ });
  });
});

describe("a file that changes while it is read", () => {
  const path = (): string => join(folder, "changing");

  /** Scans a file that `change` alters at each read, and gives what was stored. */
  async function scanChanging(
    states: MutatingFile,
  ): Promise<{ stored: Uint8Array | undefined; home: PackingHome; bytes: number }> {
    const home = new PackingHome();
    writeFileSync(path(), "");
    home.source = new FaultySource({ files: new Map([[path(), states]]) });
    const { entry, counts } = await home.with((s) => s.scan(utf8(folder), [], LIVE));
    assert.ok(entry.kind === "directory");
    const found = home.readDirectory(entry.subtree)[0];
    const stored = found === undefined ? undefined : home.readFile(found);
    return { stored, home, bytes: counts.bytes };
  }

  test("is read again and stored as it came to rest", async () => {
    for (const changes of [1, 2, 3]) {
      const file = new MutatingFile(3 * MIB, changes, "rewrite");
      const { stored, home, bytes } = await scanChanging(file);
      assert.ok(stored !== undefined && file.hasBeen(stored));
      assert.ok(Buffer.from(stored).equals(file.content));
      assert.equal(bytes, stored.length);
      assert.ok(codes(home).length <= 1);
    }
  });

  test("is never stored as a mixture: left out with a warning if it keeps changing", async () => {
    const file = new MutatingFile(3 * MIB, Infinity, "rewrite");
    const { stored, home, bytes } = await scanChanging(file);
    assert.equal(stored, undefined);
    assert.deepEqual(codes(home), ["FILE_CHANGED changing"]);
    assert.equal(bytes, 0);
  });

  test("a log that only grows is stored as far as it was, with a warning", async () => {
    const file = new MutatingFile(9 * MIB, Infinity, "append");
    const { stored, home } = await scanChanging(file);
    assert.ok(stored !== undefined && file.hasBeen(stored));
    assert.deepEqual(codes(home), ["FILE_CHANGED changing"]);
  });

  test("a file that shrinks while it is read is stored as it is in the end", async () => {
    const file = new MutatingFile(9 * MIB, 2, "cut");
    const { stored } = await scanChanging(file);
    assert.ok(stored !== undefined && Buffer.from(stored).equals(file.content));
  });

  test("a change of bytes alone, with the same length, is noticed by the times", async () => {
    const file = new MutatingFile(300 * KIB, 1, "touch");
    const { stored } = await scanChanging(file);
    assert.ok(stored !== undefined && Buffer.from(stored).equals(file.content));
  });
});

type Change = "rewrite" | "append" | "cut" | "touch";

interface Faults {
  unreadable?: readonly string[];
  onStat?: (path: string) => unknown;
  onOpen?: (path: string) => unknown;
  files?: ReadonlyMap<string, MutatingFile>;
}

/** The user's files, some of which behave badly. */
class FaultySource implements SourceFiles {
  readonly #faults: Faults;
  readonly #real = new PackingHome().source;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  stat(path: Uint8Array): SourceStat {
    const stat = this.#file(path)?.stat() ?? this.#real.stat(path);
    this.#faults.onStat?.(textOf(path));
    return stat;
  }

  names(path: Uint8Array): Uint8Array[] {
    this.#check(path);
    return this.#real.names(path);
  }

  readLink(path: Uint8Array): Uint8Array {
    return this.#real.readLink(path);
  }

  open(path: Uint8Array): SourceFile {
    this.#check(path);
    this.#faults.onOpen?.(textOf(path));
    return this.#file(path) ?? this.#real.open(path);
  }

  #file(path: Uint8Array): MutatingFile | undefined {
    return this.#faults.files?.get(textOf(path));
  }

  #check(path: Uint8Array): void {
    if (this.#faults.unreadable?.includes(textOf(path)) !== true) return;
    throw new HoldfastError("FILE_UNREADABLE", `cannot read ${textOf(path)}: EACCES`);
  }
}

/** A file that changes after each of its first reads that give bytes. */
class MutatingFile implements SourceFile {
  content: Uint8Array;
  readonly #states: Uint8Array[] = [];
  readonly #how: Change;
  #changesLeft: number;
  #changes = 0;
  #isOpen = true;

  constructor(sizeBytes: number, changes: number, how: Change) {
    this.content = noise(sizeBytes, 0);
    this.#states.push(this.content);
    this.#changesLeft = changes;
    this.#how = how;
  }

  /** Whether the file's first bytes have ever been exactly these, all at one time. */
  hasBeen(bytes: Uint8Array): boolean {
    return this.#states.some((state) => Buffer.from(bytes).equals(state.subarray(0, bytes.length)));
  }

  stat(): SourceStat {
    const time = BigInt(this.#changes) * 1_000_000n;
    const sizeBytes = this.content.length;
    return { kind: "file", sizeBytes, mtimeNs: time, ctimeNs: time, mode: 0o100644, inode: 1n };
  }

  read(target: Uint8Array, offset: number): number {
    assert.ok(this.#isOpen);
    const part = this.content.subarray(offset, offset + Math.min(target.length, MIB));
    target.set(part);
    if (part.length > 0 && this.#changesLeft > 0) this.#change();
    return part.length;
  }

  close(): void {
    this.#isOpen = false;
  }

  #change(): void {
    this.#changesLeft--;
    this.#changes++;
    const before = this.content;
    if (this.#how === "append") this.content = concatBytes(before, noise(999, this.#changes));
    else if (this.#how === "cut") this.content = before.slice(0, before.length - 2 * MIB);
    else if (this.#how === "rewrite") this.content = noise(before.length, this.#changes);
    else this.content = before.map((byte, at) => (at === 7 ? byte ^ 1 : byte));
    this.#states.push(this.content);
  }
}

function textOf(path: Uint8Array): string {
  return Buffer.from(path).toString();
}
