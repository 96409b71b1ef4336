/** A value of a database row. Blobs come back as fresh arrays. Integers are JS numbers (safe
 * range). */
export type SqlValue = null | number | string | Uint8Array;
export type SqlRow = Record<string, SqlValue>;

/** An embedded SQL database with one writer. Statements are prepared once and cached by their text.
 * Methods are synchronous: the database is local.
 * @throws DatabaseError DATABASE_CORRUPT | DATABASE_FULL | DATABASE_FAILED */
export interface Database {
  /** Runs statements without results, for schema and pragmas. */
  exec(sql: string): void;
  /** Runs one statement; returns the number of changed rows. */
  run(sql: string, ...values: SqlValue[]): number;
  /** The first row, or undefined. */
  get(sql: string, ...values: SqlValue[]): SqlRow | undefined;
  /** All rows. Bound it with LIMIT. */
  all(sql: string, ...values: SqlValue[]): SqlRow[];
  /** Runs `work` in one transaction: durable when it returns, undone when it throws. Not
   * re-entrant. */
  transaction<T>(work: () => T): T;
  close(): void;
}
