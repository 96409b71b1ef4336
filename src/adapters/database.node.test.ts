import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { databaseContract } from "../../tests/contracts/database.ts";
import { openDatabase } from "./database.node.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-database-"));
after(() => rmSync(folder, { recursive: true }));
let files = 0;
const freshPath = (): string => join(folder, `${files++}.db`);

databaseContract("file", () => openDatabase(freshPath()));
databaseContract("memory", () => openDatabase(":memory:"));

const SCHEMA = ["CREATE TABLE a(x INTEGER) STRICT", "ALTER TABLE a ADD COLUMN y INTEGER"];

test("openDatabase() runs the missing steps once and keeps the rows", () => {
  const path = freshPath();
  const first = openDatabase(path, { schema: SCHEMA.slice(0, 1) });
  first.run("INSERT INTO a VALUES (1)");
  first.close();
  for (const _ of [1, 2]) {
    const next = openDatabase(path, { schema: SCHEMA });
    assert.deepEqual({ ...next.get("SELECT x, y FROM a") }, { x: 1, y: null });
    assert.equal(next.get("PRAGMA user_version")?.["user_version"], 2);
    next.close();
  }
});

test("openDatabase() undoes a step that fails", () => {
  const path = freshPath();
  const broken = ["CREATE TABLE a(x INTEGER) STRICT; SELEKT"];
  assert.throws(() => openDatabase(path, { schema: broken }), { code: "DATABASE_FAILED" });
  const database = openDatabase(path, { schema: SCHEMA });
  assert.equal(database.get("SELECT count(*) AS n FROM a")?.["n"], 0);
  database.close();
});

test("openDatabase() sets the pragmas that durability rests on", () => {
  const database = openDatabase(freshPath());
  const pragma = (name: string): unknown => Object.values(database.get(`PRAGMA ${name}`) ?? {})[0];
  assert.equal(pragma("journal_mode"), "wal");
  assert.equal(pragma("synchronous"), 2);
  assert.equal(pragma("foreign_keys"), 1);
  database.close();
});

/** Leaves a database with schema 2 whose last commit is in the write-ahead log only. */
function cutDatabase(): string {
  const path = freshPath();
  const database = openDatabase(path, { schema: SCHEMA });
  database.run("INSERT INTO a VALUES (1, 2)");
  const copy = freshPath();
  copyFileSync(path, copy);
  copyFileSync(`${path}-wal`, `${copy}-wal`);
  database.close();
  return copy;
}

test("openDatabase() recovers what an unclean stop left in the log", () => {
  const database = openDatabase(cutDatabase(), { schema: SCHEMA });
  assert.deepEqual({ ...database.get("SELECT x, y FROM a") }, { x: 1, y: 2 });
  database.close();
});

test("openDatabase() refuses a newer database and leaves every byte, also of its log", () => {
  const path = cutDatabase();
  const before = [readFileSync(path), readFileSync(`${path}-wal`)];
  const open = () => openDatabase(path, { schema: SCHEMA.slice(0, 1) });
  assert.throws(open, { code: "DATABASE_NEWER", message: /schema 2 .* knows 1/ });
  assert.deepEqual([readFileSync(path), readFileSync(`${path}-wal`)], before);
});

test("openDatabase() refuses what is no database", () => {
  const path = freshPath();
  writeFileSync(path, "no database at all ".repeat(500));
  assert.throws(() => openDatabase(path), { code: "DATABASE_CORRUPT" });
  assert.throws(() => openDatabase(path, { schema: SCHEMA }), { code: "DATABASE_CORRUPT" });
});

test("openDatabase() finds damage after an unclean stop", () => {
  const path = freshPath();
  const database = openDatabase(path, { schema: ["CREATE TABLE t(x INTEGER UNIQUE) STRICT"] });
  for (let n = 0; n < 2000; n++) database.exec(`INSERT INTO t VALUES (${n})`);
  database.exec("PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO t VALUES (-1)");
  const copy = freshPath();
  const bytes = readFileSync(path);
  bytes.fill(0x55, 3 * 4096, 5 * 4096);
  writeFileSync(copy, bytes);
  copyFileSync(`${path}-wal`, `${copy}-wal`);
  database.close();
  assert.throws(() => openDatabase(copy), { code: "DATABASE_CORRUPT" });
});

test("openDatabase() names a path that cannot be", () => {
  const path = join(folder, "none", "x.db");
  assert.throws(() => openDatabase(path), { code: "DATABASE_FAILED", message: /none\/x\.db/ });
});

test("a full database is DATABASE_FULL, undone, and goes on reading", () => {
  const database = openDatabase(freshPath(), { schema: ["CREATE TABLE t(x BLOB) STRICT"] });
  database.run("INSERT INTO t VALUES (x'01')");
  database.exec("PRAGMA max_page_count = 20");
  const fill = (): void => {
    for (let n = 0; n < 100; n++) database.run("INSERT INTO t VALUES (?)", new Uint8Array(4096));
  };
  assert.throws(() => database.transaction(fill), { code: "DATABASE_FULL" });
  assert.equal(database.get("SELECT count(*) AS n FROM t")?.["n"], 1);
  database.exec("PRAGMA max_page_count = 2000");
  database.transaction(fill);
  assert.equal(database.get("SELECT count(*) AS n FROM t")?.["n"], 101);
  database.close();
});

test("a reader beside the writer sees what was committed and can write nothing", () => {
  const path = freshPath();
  const writer = openDatabase(path, { schema: SCHEMA });
  const reader = openDatabase(path, { schema: SCHEMA, readOnly: true });
  writer.run("INSERT INTO a VALUES (1, 2)");
  assert.equal(reader.get("SELECT count(*) AS n FROM a")?.["n"], 1);
  assert.throws(() => reader.run("DELETE FROM a"), { code: "DATABASE_FAILED" });
  reader.close();
  writer.close();
  assert.ok(!existsSync(`${path}-wal`), "the last one to close folds the log in");
});

test("a failed fsync stops all further writing, reading goes on", (context) => {
  if (spawnSync("strace", ["-V"]).status !== 0) return context.skip("strace is not installed");
  const script = (path: string): string => `
    import { openDatabase } from ${JSON.stringify(new URL("database.node.ts", import.meta.url).href)};
    const database = openDatabase(${JSON.stringify(path)}, { schema: ["CREATE TABLE t(x INTEGER)"] });
    const codes = [];
    for (let n = 0; n < 3; n++) {
      try { database.run("INSERT INTO t VALUES (1)"); codes.push("ok"); }
      catch (error) { codes.push(error.code + (/nothing more/.test(error.message) ? "!" : "")); }
    }
    codes.push(database.get("SELECT count(*) AS n FROM t").n);
    console.log("codes " + codes.join());
  `;
  const inject = (when: number) =>
    spawnSync(
      "strace",
      [
        ...["-f", "-qq", "-e", "trace=fsync,fdatasync", "-e"],
        `inject=fsync,fdatasync:error=EIO:when=${when}`,
        ...[process.execPath, "--input-type=module", "-e", script(freshPath())],
      ],
      { encoding: "utf8", timeout: 30_000 },
    );
  // Which sync is that of the first insertion depends on SQLite, and it makes do without some.
  for (let when = 1; when < 20; when++) {
    const codes = /codes (.*)/.exec(inject(when).stdout)?.[1];
    if (codes === undefined || codes.startsWith("ok")) continue;
    assert.equal(codes, "DATABASE_FAILED,DATABASE_FAILED!,DATABASE_FAILED!,0");
    return;
  }
  assert.fail("no sync was ever made to fail");
});
