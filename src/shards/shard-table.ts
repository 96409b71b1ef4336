import { assert } from "../base/assert.ts";
import { idBytes, idOf } from "../base/id.ts";
import type { AccountId, Epoch, PeerId, ShardId } from "../base/id.ts";
import { DEVICES_KEPT_MAX } from "../base/limits.ts";
import type { Database, SqlRow, SqlValue } from "../ports/database.ts";
import { HOLDER_SCHEMA } from "./schema.ts";

/** `held` is promised to somebody; `aside` is damaged or gone; `orphan` is a blob without a
 * lease. */
export type ShardState = "held" | "aside" | "orphan";
const STATES: readonly ShardState[] = ["held", "aside", "orphan"];

export interface ShardRow {
  /** Local to this database. */
  number: number;
  id: ShardId;
  lengthBytes: number;
  isBlob: boolean;
  state: ShardState;
}

/** A shard whose bytes were checked against its id. */
export interface CheckedShard {
  id: ShardId;
  lengthBytes: number;
  leafHashes: Uint8Array;
  /** The bytes of a small shard; undefined for one that is a blob. */
  bytes: Uint8Array | undefined;
}

export type Totals = Record<ShardState, { shards: number; bytes: number }>;

const COLUMNS = "shards.number, shards.id, length, place, state";

/** What the holder knows, as rows. Ids were parsed where they came in. */
export class ShardTable {
  readonly #database: Database;

  /** `database` was opened with HOLDER_SCHEMA. */
  constructor(database: Database) {
    this.#database = database;
    const version = database.get("PRAGMA user_version")?.["user_version"];
    assert(version === HOLDER_SCHEMA.length, "the holder's database has the holder's schema");
  }

  /** Runs `work` in one durable transaction. */
  transaction<T>(work: () => T): T {
    return this.#database.transaction(work);
  }

  find(id: ShardId): ShardRow | undefined {
    const sql = `SELECT ${COLUMNS} FROM shards WHERE id = ?`;
    return rowOf(this.#database.get(sql, idBytes(id)));
  }

  /** A shard that is held and leased by an account. */
  findHeld(account: AccountId, id: ShardId): ShardRow | undefined {
    const row = this.#database.get(
      `SELECT ${COLUMNS} FROM leases JOIN shards ON shards.id = leases.shard
       WHERE account = (SELECT number FROM accounts WHERE accounts.id = ?)
         AND shard = ? AND state = 0`,
      idBytes(account),
      idBytes(id),
    );
    return rowOf(row);
  }

  /** Up to `limit` shards of all states after a row number, in the order in which they came. */
  page(after: number, limit: number): ShardRow[] {
    const sql = `SELECT ${COLUMNS} FROM shards WHERE number > ? ORDER BY number LIMIT ?`;
    return this.#database.all(sql, after, limit).flatMap((row) => rowOf(row) ?? []);
  }

  /** Shards that are not held since an epoch before `epoch`. */
  unleasedBefore(epoch: Epoch, limit: number): ShardRow[] {
    const sql = `SELECT ${COLUMNS} FROM shards WHERE state <> 0 AND since < ? LIMIT ?`;
    return this.#database.all(sql, epoch, limit).flatMap((row) => rowOf(row) ?? []);
  }

  /** The hashes of a shard's leaves; undefined for an orphan that was never looked at. */
  leafHashes(number: number): Uint8Array | undefined {
    return bytesOf(this.#database.get("SELECT hashes AS x FROM leaves WHERE shard = ?", number));
  }

  /** The bytes of a shard that is a row. */
  contents(number: number): Uint8Array | undefined {
    return bytesOf(this.#database.get("SELECT bytes AS x FROM contents WHERE shard = ?", number));
  }

  /** How many bytes `contents` has. */
  contentsBytes(number: number): number {
    const sql = "SELECT length(bytes) AS n FROM contents WHERE shard = ?";
    const row = this.#database.get(sql, number);
    return row === undefined ? 0 : numberOf(row, "n");
  }

  /** Makes a checked shard held, whatever it was before. */
  hold(shard: CheckedShard, epoch: Epoch): void {
    const row = this.#database.get(
      `INSERT INTO shards(id, length, place, state, since) VALUES (?, ?, ?, 0, ?)
       ON CONFLICT(id) DO UPDATE SET length = excluded.length, place = excluded.place,
         state = 0, since = excluded.since RETURNING number`,
      idBytes(shard.id),
      shard.lengthBytes,
      shard.bytes === undefined ? 1 : 0,
      epoch,
    );
    const number = numberOf(row, "number");
    this.setLeafHashes(number, shard.leafHashes);
    if (shard.bytes === undefined) {
      this.#database.run("DELETE FROM contents WHERE shard = ?", number);
    } else {
      this.#database.run("INSERT OR REPLACE INTO contents VALUES (?, ?)", number, shard.bytes);
    }
  }

  /** Takes a blob in that no row knows. */
  adopt(id: ShardId, lengthBytes: number, epoch: Epoch): void {
    this.#database.run(
      "INSERT INTO shards(id, length, place, state, since) VALUES (?, ?, 1, 2, ?)",
      idBytes(id),
      lengthBytes,
      epoch,
    );
  }

  setState(number: number, state: ShardState, epoch: Epoch): void {
    const sql = "UPDATE shards SET state = ?, since = ? WHERE number = ?";
    this.#database.run(sql, STATES.indexOf(state), epoch, number);
  }

  setLeafHashes(number: number, hashes: Uint8Array): void {
    this.#database.run("INSERT OR REPLACE INTO leaves VALUES (?, ?)", number, hashes);
  }

  /** Forgets a shard with its leases. */
  remove(number: number): void {
    this.#database.run("DELETE FROM shards WHERE number = ?", number);
  }

  /** The last epoch of an account's lease, or undefined. */
  leaseOf(account: AccountId, id: ShardId): Epoch | undefined {
    const row = this.#database.get(
      `SELECT until FROM leases
       WHERE account = (SELECT number FROM accounts WHERE id = ?) AND shard = ?`,
      idBytes(account),
      idBytes(id),
    );
    return row === undefined ? undefined : numberOf(row, "until");
  }

  isLeased(id: ShardId): boolean {
    const sql = "SELECT 1 FROM leases WHERE shard = ? LIMIT 1";
    return this.#database.get(sql, idBytes(id)) !== undefined;
  }

  /** Leases a shard to an account until an epoch, or longer where it is so already. */
  lease(account: AccountId, id: ShardId, until: Epoch): void {
    const bytes = idBytes(account);
    this.#database.run("INSERT INTO accounts(id) VALUES (?) ON CONFLICT DO NOTHING", bytes);
    this.#database.run(
      `INSERT INTO leases VALUES ((SELECT number FROM accounts WHERE id = ?), ?, ?)
       ON CONFLICT DO UPDATE SET until = max(until, excluded.until)`,
      bytes,
      idBytes(id),
      until,
    );
  }

  /** Remembers for which account a peer uploads; the newest DEVICES_KEPT_MAX peers. */
  noteDevice(peer: PeerId, account: AccountId): void {
    const added = this.#database.run(
      `INSERT INTO devices(peer, account)
       VALUES (?, (SELECT number FROM accounts WHERE id = ?))
       ON CONFLICT(peer) DO UPDATE SET account = excluded.account
       WHERE account <> excluded.account`,
      idBytes(peer),
      idBytes(account),
    );
    if (added === 0) return;
    const sql = "DELETE FROM devices WHERE number <= (SELECT max(number) FROM devices) - ?";
    this.#database.run(sql, DEVICES_KEPT_MAX);
  }

  /** Bytes held for the account of each peer that has uploaded for one. Reads every lease. */
  heldForPeers(): Map<PeerId, number> {
    const rows = this.#database.all(
      `WITH held AS (
         SELECT account, sum(length) AS bytes FROM leases JOIN shards ON shards.id = leases.shard
         WHERE state = 0 GROUP BY account
       )
       SELECT peer AS x, bytes FROM devices JOIN held USING (account) LIMIT ?`,
      DEVICES_KEPT_MAX,
    );
    return new Map(
      rows.map((row) => [idOf(bytesOf(row) ?? new Uint8Array(0)), numberOf(row, "bytes")]),
    );
  }

  /** Ids held for an account, by their bytes, after one of them. */
  list(account: AccountId, after: ShardId | undefined, limit: number): ShardId[] {
    const rows = this.#database.all(
      `SELECT shard AS x FROM leases JOIN shards ON shards.id = leases.shard
       WHERE account = (SELECT number FROM accounts WHERE id = ?) AND shard > ? AND state = 0
       ORDER BY shard LIMIT ?`,
      idBytes(account),
      after === undefined ? new Uint8Array(0) : idBytes(after),
      limit,
    );
    return rows.flatMap((row) => idOf(bytesOf(row) ?? new Uint8Array(0)));
  }

  useTicket(number: Uint8Array, expiresMs: number): void {
    this.#database.run("INSERT INTO tickets VALUES (?, ?)", number, Math.ceil(expiresMs));
  }

  isTicketUsed(number: Uint8Array): boolean {
    return this.#database.get("SELECT 1 FROM tickets WHERE number = ?", number) !== undefined;
  }

  /** Forgets used tickets that nobody can use any more. */
  dropTickets(nowMs: number): void {
    this.#database.run("DELETE FROM tickets WHERE expires < ?", Math.floor(nowMs));
  }

  totals(): Totals {
    const totals: Totals = {
      held: { shards: 0, bytes: 0 },
      aside: { shards: 0, bytes: 0 },
      orphan: { shards: 0, bytes: 0 },
    };
    for (const row of this.#database.all("SELECT state, shards, bytes FROM totals LIMIT 3")) {
      const state = STATES[numberOf(row, "state")];
      assert(state !== undefined, "the database knows three states");
      totals[state] = { shards: numberOf(row, "shards"), bytes: numberOf(row, "bytes") };
    }
    return totals;
  }

  /** How many accounts have a lease. */
  accounts(): number {
    const row = this.#database.get(
      `SELECT count(*) AS n FROM accounts
       WHERE EXISTS (SELECT 1 FROM leases WHERE account = accounts.number)`,
    );
    return numberOf(row, "n");
  }

  flag(key: string): number | undefined {
    const row = this.#database.get("SELECT value FROM flags WHERE key = ?", key);
    return row === undefined ? undefined : numberOf(row, "value");
  }

  setFlag(key: string, value: number): void {
    this.#database.run("INSERT OR REPLACE INTO flags VALUES (?, ?)", key, value);
  }
}

function rowOf(row: SqlRow | undefined): ShardRow | undefined {
  if (row === undefined) return undefined;
  const id = row["id"];
  const state = STATES[numberOf(row, "state")];
  assert(id instanceof Uint8Array && state !== undefined, "a shard's row has an id and a state");
  return {
    number: numberOf(row, "number"),
    id: idOf(id),
    lengthBytes: numberOf(row, "length"),
    isBlob: row["place"] === 1,
    state,
  };
}

function numberOf(row: SqlRow | undefined, column: string): number {
  const value: SqlValue | undefined = row?.[column];
  assert(typeof value === "number", `${column} is a number`);
  return value;
}

/** The column `x`. */
function bytesOf(row: SqlRow | undefined): Uint8Array | undefined {
  const value = row?.["x"];
  return value instanceof Uint8Array ? value : undefined;
}
