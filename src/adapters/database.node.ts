import { existsSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { StatementSync } from "node:sqlite";
import { assert } from "../base/assert.ts";
import { messageOf } from "../base/error.ts";
import { DATABASE_CHECK_MAX_BYTES, MIB, STATEMENTS_MAX } from "../base/limits.ts";
import type { Database, SqlRow, SqlValue } from "../ports/database.ts";
import { DatabaseError } from "./error.ts";

/** Earlier ones can damage a database in WAL mode (https://sqlite.org/wal.html#walresetbug). */
const SQLITE_OLDEST = [3, 51, 3] as const;
const BUSY_TIMEOUT_MS = 5_000;
const WAL_KEPT_BYTES = 64 * MIB;

/** Primary result codes (https://sqlite.org/rescode.html). */
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;
/** Extended ones: what was written may be lost although the system forgets about it. */
const SQLITE_IOERR_FSYNC = 1034;
const SQLITE_IOERR_DIR_FSYNC = 1290;

export interface DatabaseOptions {
  /** Steps that bring an empty database to today's schema; `user_version` counts those done.
   * A step is never edited after its release. */
  schema?: readonly string[];
  /** Opens an existing database beside its one writer, in a worker for example. */
  readOnly?: boolean;
}

/** Opens the database at `path`, made where there is none; `:memory:` gives one without a file.
 * What `run` and `transaction` changed is on the disk when they return.
 * @throws DatabaseError DATABASE_NEWER: its schema has more steps than ours, nothing was touched;
 * DATABASE_CORRUPT: it is no database, or damaged, as found after an unclean stop;
 * DATABASE_FULL; DATABASE_FAILED */
export function openDatabase(path: string, options: DatabaseOptions = {}): Database {
  const { schema = [], readOnly = false } = options;
  const isFile = path !== ":memory:" && existsSync(path);
  if (isFile && options.schema !== undefined) refuseNewer(path, schema.length);
  const wasCut = isFile && !readOnly && sizeOf(`${path}-wal`) > 0;
  const database = attempt(path, () => {
    const handle = new DatabaseSync(path, { readOnly, timeout: BUSY_TIMEOUT_MS });
    return new SqliteDatabase(path, handle);
  });
  try {
    assertVersion(database);
    if (!readOnly) {
      // The order matters: WAL first, because the other two are about it.
      database.exec(
        `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}; PRAGMA foreign_keys = ON`,
      );
      if (wasCut && sizeOf(path) <= DATABASE_CHECK_MAX_BYTES) check(path, database);
      migrate(path, database, schema);
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Looks through a connection that can write nothing: an ordinary one, when it is closed, folds the
 * write-ahead log into a database that is not ours to touch. */
function refuseNewer(path: string, stepsKnown: number): void {
  const version = attempt(path, () => {
    const handle = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
    try {
      return handle.prepare("PRAGMA user_version").get()?.["user_version"];
    } finally {
      handle.close();
    }
  });
  if (typeof version !== "number" || version > stepsKnown) {
    throw new DatabaseError(
      "DATABASE_NEWER",
      `${path}: schema ${String(version)} was made by a newer holdfast, this one knows ${stepsKnown}`,
      { hint: "install the newer version again" },
    );
  }
}

function migrate(path: string, database: Database, schema: readonly string[]): void {
  const done = database.get("PRAGMA user_version")?.["user_version"];
  assert(typeof done === "number", `${path}: user_version is a number`);
  for (const [index, step] of schema.entries()) {
    if (index < done) continue;
    database.transaction(() => database.exec(`${step};\nPRAGMA user_version = ${index + 1}`));
  }
}

function check(path: string, database: Database): void {
  const found = database.get("PRAGMA quick_check(1)")?.["quick_check"];
  if (found === "ok") return;
  throw new DatabaseError("DATABASE_CORRUPT", `${path}: ${String(found)}`);
}

function assertVersion(database: Database): void {
  const version = database.get("SELECT sqlite_version() AS version")?.["version"];
  const parts = String(version).split(".").map(Number);
  const different = SQLITE_OLDEST.findIndex((part, index) => part !== parts[index]);
  const isOld = different >= 0 && (parts[different] ?? 0) < (SQLITE_OLDEST[different] ?? 0);
  assert(!isOld, `SQLite is ${SQLITE_OLDEST.join(".")} or later, not ${String(version)}`);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

class SqliteDatabase implements Database {
  readonly #path: string;
  readonly #handle: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #inTransaction = false;
  /** Why nothing may be written any more. After a failed fsync the system forgets what it could not
   * write, and the next fsync succeeds without it (https://lwn.net/Articles/752063/). */
  #poisoned: string | undefined;

  constructor(path: string, handle: DatabaseSync) {
    this.#path = path;
    this.#handle = handle;
  }

  exec(sql: string): void {
    this.#attempt(() => this.#handle.exec(sql));
  }

  run(sql: string, ...values: SqlValue[]): number {
    return this.#attempt(() => Number(this.#prepare(sql).run(...values).changes));
  }

  get(sql: string, ...values: SqlValue[]): SqlRow | undefined {
    const row = attempt(this.#path, () => this.#prepare(sql).get(...values));
    return row as SqlRow | undefined;
  }

  all(sql: string, ...values: SqlValue[]): SqlRow[] {
    return attempt(this.#path, () => this.#prepare(sql).all(...values)) as SqlRow[];
  }

  transaction<T>(work: () => T): T {
    assert(!this.#inTransaction, "transactions are not nested");
    this.exec("BEGIN IMMEDIATE");
    this.#inTransaction = true;
    try {
      const result = work();
      assert(!(result instanceof Promise), "a transaction's work is synchronous");
      this.exec("COMMIT");
      return result;
    } catch (error) {
      // SQLite itself has rolled back already after some errors, a full disk for example.
      if (this.#handle.isTransaction) attempt(this.#path, () => this.#handle.exec("ROLLBACK"));
      throw error;
    } finally {
      this.#inTransaction = false;
    }
  }

  close(): void {
    this.#statements.clear();
    if (this.#handle.isOpen) attempt(this.#path, () => this.#handle.close());
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#handle.prepare(sql);
    if (this.#statements.size >= STATEMENTS_MAX) {
      for (const [oldest] of this.#statements.entries().take(1)) this.#statements.delete(oldest);
    }
    this.#statements.set(sql, statement);
    return statement;
  }

  #attempt<T>(work: () => T): T {
    if (this.#poisoned !== undefined) {
      throw new DatabaseError("DATABASE_FAILED", `${this.#path}: ${this.#poisoned}`, {
        hint: "look after the disk, then restart",
      });
    }
    try {
      return attempt(this.#path, work);
    } catch (error) {
      const code = error instanceof DatabaseError ? resultCodeOf(error.cause) : undefined;
      if (code === SQLITE_IOERR_FSYNC || code === SQLITE_IOERR_DIR_FSYNC) {
        this.#poisoned = "the disk failed to keep what was written; nothing more is written to it";
      }
      throw error;
    }
  }
}

function resultCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}

/** Runs `work` and gives what SQLite throws the code of this project. */
function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const code = resultCodeOf(cause);
    if (code === undefined) throw cause;
    const message = `${path}: ${messageOf(cause)}`;
    switch (code & 0xff) {
      case SQLITE_CORRUPT:
      case SQLITE_NOTADB:
        throw new DatabaseError("DATABASE_CORRUPT", message, { cause });
      case SQLITE_FULL:
        throw new DatabaseError("DATABASE_FULL", message, { cause, hint: "free some disk space" });
      default:
        throw new DatabaseError("DATABASE_FAILED", message, { cause });
    }
  }
}
