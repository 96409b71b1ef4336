import { equalBytes } from "../base/bytes.ts";
import { epochOf, idBytes, idOf, type Id, type PeerId } from "../base/id.ts";
import {
  RECORD_EPOCHS_MAX,
  RECORD_VALUES_MAX,
  RECORDS_MAX,
  RECORDS_PER_SOURCE_MAX,
  RECORDS_PER_SOURCE_MAX_BYTES,
} from "../base/limits.ts";
import type { RecordEntry } from "../codec/record.ts";
import type { Clock } from "../ports/clock.ts";
import type { Database, SqlValue } from "../ports/database.ts";
import { SwarmError } from "./error.ts";
import { openRecord } from "./record.ts";
import type { RecordOutcome } from "./wire.ts";

/** Rows that one clean-up takes away. */
const EXPIRED_BATCH = 1_000;

/** What a keeper keeps: the highest number of each record, durably. */
export interface RecordStore {
  /** Takes a record from a peer in; when it returns, the record is durable.
   * @returns what became of it, and all that is kept under the key now
   * @throws SwarmError RECORD_FORGED | RECORD_REFUSED | RECORD_SPACE_FULL; CodecError */
  put(
    source: PeerId,
    key: Id,
    bytes: Uint8Array,
  ): { outcome: RecordOutcome; records: Uint8Array[] };
  /** The record under a key; two values of one number where its owner signed both; none. */
  get(key: Id): Uint8Array[];
  /** Keys of at most `limit` records after `after`, in order; from the beginning without it. */
  keys(after: Id | undefined, limit: number): Id[];
  usage(): { records: number; bytes: number };
}

/** Opens a keeper's records in a database, which stays the caller's to close. */
export function openRecordStore(database: Database, clock: Clock): RecordStore {
  database.exec(`
    CREATE TABLE IF NOT EXISTS records(
      key BLOB NOT NULL,
      number BLOB NOT NULL,
      bytes BLOB NOT NULL,
      expires INTEGER NOT NULL,
      source TEXT NOT NULL,
      PRIMARY KEY(key, bytes)
    ) STRICT;
    CREATE INDEX IF NOT EXISTS records_by_source ON records(source);
    CREATE INDEX IF NOT EXISTS records_by_expiry ON records(expires);
  `);
  return new DatabaseRecords(database, clock);
}

class DatabaseRecords implements RecordStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  get(key: Id): Uint8Array[] {
    return this.#rows(key).map(({ bytes }) => bytes);
  }

  put(
    source: PeerId,
    key: Id,
    bytes: Uint8Array,
  ): { outcome: RecordOutcome; records: Uint8Array[] } {
    const record = openRecord(bytes, key);
    this.#checkExpiry(record);
    const outcome = this.#database.transaction(() => this.#keep(source, record, bytes));
    return { outcome, records: this.get(key) };
  }

  keys(after: Id | undefined, limit: number): Id[] {
    const rows = this.#database.all(
      "SELECT DISTINCT key FROM records WHERE key > ? ORDER BY key LIMIT ?",
      after === undefined ? new Uint8Array(0) : idBytes(after),
      limit,
    );
    return rows.flatMap(({ key }) => (key instanceof Uint8Array ? [idOf(key)] : []));
  }

  usage(): { records: number; bytes: number } {
    const row = this.#database.get(
      "SELECT count(*) AS records, coalesce(sum(length(bytes)), 0) AS bytes FROM records",
    );
    return { records: Number(row?.["records"]), bytes: Number(row?.["bytes"]) };
  }

  #checkExpiry({ key, expires }: RecordEntry): void {
    const today = epochOf(this.#clock.nowMs());
    if (expires < today) throw new SwarmError("RECORD_REFUSED", `record ${key}: expired`);
    if (expires > today + RECORD_EPOCHS_MAX) {
      const text = `record ${key}: wants to be kept for more than ${RECORD_EPOCHS_MAX} epochs`;
      throw new SwarmError("RECORD_REFUSED", text);
    }
  }

  #keep(source: PeerId, record: RecordEntry, bytes: Uint8Array): RecordOutcome {
    const rows = this.#rows(record.key);
    const highest = rows[0]?.number;
    if (highest !== undefined && highest > record.number) return "newer";
    if (rows.some((row) => equalBytes(row.bytes, bytes))) {
      return rows.length > 1 ? "forked" : "kept";
    }
    const forks = highest === record.number;
    // Two values prove the fork; a third proves no more.
    if (forks && rows.length >= RECORD_VALUES_MAX) return "forked";
    const key = idBytes(record.key);
    if (!forks) this.#database.run("DELETE FROM records WHERE key = ?", key);
    this.#checkSpace(source, record.key, bytes.length);
    this.#database.run(
      "INSERT INTO records(key, number, bytes, expires, source) VALUES (?, ?, ?, ?, ?)",
      ...([key, bigEndian(record.number), bytes, record.expires, source] satisfies SqlValue[]),
    );
    return forks ? "forked" : "kept";
  }

  #checkSpace(source: PeerId, key: Id, addedBytes: number): void {
    const today = epochOf(this.#clock.nowMs());
    this.#database.run(
      `DELETE FROM records WHERE rowid IN
        (SELECT rowid FROM records WHERE expires < ? LIMIT ${EXPIRED_BATCH})`,
      today,
    );
    const row = this.#database.get(
      `SELECT count(*) AS records, coalesce(sum(length(bytes)), 0) AS bytes,
        (SELECT count(*) FROM records) AS total FROM records WHERE source = ?`,
      source,
    );
    const full =
      Number(row?.["records"]) >= RECORDS_PER_SOURCE_MAX ||
      Number(row?.["bytes"]) + addedBytes > RECORDS_PER_SOURCE_MAX_BYTES ||
      Number(row?.["total"]) >= RECORDS_MAX;
    if (full) {
      const text = `record ${key}: no more room here for records from peer ${source}`;
      throw new SwarmError("RECORD_SPACE_FULL", text);
    }
  }

  #rows(key: Id): { number: bigint; bytes: Uint8Array }[] {
    const rows = this.#database.all(
      `SELECT number, bytes FROM records WHERE key = ? LIMIT ${RECORD_VALUES_MAX}`,
      idBytes(key),
    );
    return rows.flatMap(({ number, bytes }) =>
      number instanceof Uint8Array && bytes instanceof Uint8Array
        ? [{ number: fromBigEndian(number), bytes }]
        : [],
    );
  }
}

/** Numbers lie as 8 bytes, since the database's integers are too short for them. */
function bigEndian(number: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, number);
  return bytes;
}

function fromBigEndian(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
}
