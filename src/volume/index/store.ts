import { concatBytes } from "../../base/bytes.ts";
import { idBytes } from "../../base/id.ts";
import { assert } from "../../base/assert.ts";
import type { IndexedPack } from "../../codec/index-segment.ts";
import type { PackEntry, PackKind } from "../../codec/pack.ts";
import { decodeStripe, encodeStripe } from "../../codec/stripe.ts";
import type { Stripe } from "../../codec/stripe.ts";
import { deriveKey } from "../../crypto/hash.node.ts";
import type { Database, SqlRow } from "../../ports/database.ts";

/** A pack as a row: `id` is local to this database. */
export interface PackRow {
  id: number;
  kind: PackKind;
  stripe: Stripe;
}

/** Where a sealed chunk lies. */
export interface ChunkRow {
  pack: number;
  offset: number;
  lengthBytes: number;
}

/** What identifies a pack whoever holds its shards: a hash over their ids. */
export function packIdent(stripe: Stripe): Uint8Array {
  return deriveKey("pack ident", concatBytes(...stripe.shards.map(({ id }) => idBytes(id))));
}

/** The owner's index: which chunk lies in which pack, and which peers hold the pack's shards.
 * One writer, the daemon; workers read beside it. All of it can be rebuilt from the swarm. */
export class IndexStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Runs `work` in one durable transaction. */
  transaction<T>(work: () => T): T {
    return this.#database.transaction(work);
  }

  /** Adds a pack with its chunks, or takes a newer placement of one that is known.
   * @returns the pack's row id */
  addPack(pack: IndexedPack, published: boolean): number {
    const { stripe, kind, entries } = pack;
    const ident = packIdent(stripe);
    const placed = stripe.shards.filter(({ holder }) => holder !== undefined).length;
    this.#database.run(
      `INSERT INTO packs(ident, kind, pack_bytes, shards, placed, published, stripe)
       VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT(ident) DO UPDATE
       SET placed = excluded.placed, published = excluded.published, stripe = excluded.stripe`,
      ident,
      kind,
      stripe.packBytes,
      stripe.n,
      placed,
      published ? 1 : 0,
      encodeStripe(stripe),
    );
    const id = this.#database.get("SELECT id FROM packs WHERE ident = ?", ident)?.["id"];
    assert(typeof id === "number", "a pack that was added has a row");
    for (const { name, offset, lengthBytes } of entries) {
      this.#database.run(
        `INSERT INTO chunks(name, pack, offset, length) VALUES (?, ?, ?, ?)
         ON CONFLICT(name) DO UPDATE
         SET pack = excluded.pack, offset = excluded.offset, length = excluded.length`,
        name,
        id,
        offset,
        lengthBytes,
      );
    }
    return id;
  }

  /** Records how a pack is coded and where its shards are now; published with the next head. */
  setStripe(id: number, stripe: Stripe): void {
    const placed = stripe.shards.filter(({ holder }) => holder !== undefined).length;
    this.#database.run(
      `UPDATE packs SET ident = ?, stripe = ?, shards = ?, placed = ?, published = -1
       WHERE id = ?`,
      packIdent(stripe),
      encodeStripe(stripe),
      stripe.n,
      placed,
      id,
    );
  }

  /** The place of a chunk, or undefined. */
  findChunk(name: Uint8Array): ChunkRow | undefined {
    const row = this.#database.get("SELECT pack, offset, length FROM chunks WHERE name = ?", name);
    if (row === undefined) return undefined;
    return {
      pack: Number(row["pack"]),
      offset: Number(row["offset"]),
      lengthBytes: Number(row["length"]),
    };
  }

  /** The pack of a row id. */
  pack(id: number): PackRow {
    const row = this.#database.get("SELECT id, kind, stripe FROM packs WHERE id = ?", id);
    assert(row !== undefined, "chunks and segments refer to packs that exist");
    return packOf(row);
  }

  /** Up to `limit` packs after row `after`: all, or only those that no published index names as
   * they are now. */
  packsAfter(after: number, limit: number, unpublishedOnly: boolean): PackRow[] {
    const where = unpublishedOnly ? "published <= 0 AND id > ?" : "id > ?";
    const sql = `SELECT id, kind, stripe FROM packs WHERE ${where} ORDER BY id LIMIT ?`;
    return this.#database.all(sql, after, limit).map(packOf);
  }

  /** Takes all packs for unpublished: before another published index is taken over, since what this
   * one names need not be in that one. */
  markUnpublished(): void {
    this.#database.run("UPDATE packs SET published = 0 WHERE published <> 0");
  }

  /** Forgets packs whose chunks are all known in other packs: older forms of packs that were coded
   * anew. The caller holds the transaction. */
  dropSuperseded(): void {
    this.#database.run(
      `DELETE FROM packs WHERE id NOT IN (SELECT pack FROM chunks)
       AND id NOT IN (SELECT pack FROM segments)`,
    );
  }

  /** Whether the published index says other than this one: of a pack that was coded anew or given
   * other holders, or that it does not name. A crash may have come before the head that says so. */
  hasNews(): boolean {
    const row = this.#database.get(
      "SELECT 1 FROM packs WHERE published < 0 OR (published = 0 AND kind <> 'index') LIMIT 1",
    );
    return row !== undefined;
  }

  /** Up to `limit` packs that are not safe, those after row `after`: with fewer shards placed than
   * they have, or with a single one. */
  unfinished(after: number, limit: number): PackRow[] {
    return this.#database
      .all(
        `SELECT id, kind, stripe FROM packs WHERE (placed < shards OR shards = 1) AND id > ?
         ORDER BY id LIMIT ?`,
        after,
        limit,
      )
      .map(packOf);
  }

  /** The chunks of a pack in the order of their offsets. */
  entriesOf(id: number): PackEntry[] {
    return this.#database
      .all("SELECT name, offset, length FROM chunks WHERE pack = ? ORDER BY offset", id)
      .map((row) => ({
        name: blob(row, "name"),
        offset: Number(row["offset"]),
        lengthBytes: Number(row["length"]),
      }));
  }

  markPublished(ids: readonly number[]): void {
    for (const id of ids) this.#database.run("UPDATE packs SET published = 1 WHERE id = ?", id);
  }

  /** Counts of packs by how far they are placed, the bytes of all, and the most shards that one has
   * of those that are not full. */
  counts(): {
    full: number;
    partial: number;
    local: number;
    packBytes: number;
    widest: number;
  } {
    const row = this.#database.get(
      `SELECT count(*) AS everything, coalesce(sum(pack_bytes), 0) AS bytes FROM packs`,
    );
    const unfinished = this.#database.get(
      `SELECT count(*) AS many, coalesce(sum(placed = 0), 0) AS nowhere,
              coalesce(max(shards), 0) AS widest
       FROM packs WHERE placed < shards OR shards = 1`,
    );
    const many = Number(unfinished?.["many"] ?? 0);
    const local = Number(unfinished?.["nowhere"] ?? 0);
    return {
      full: Number(row?.["everything"] ?? 0) - many,
      partial: many - local,
      local,
      packBytes: Number(row?.["bytes"] ?? 0),
      widest: Number(unfinished?.["widest"] ?? 0),
    };
  }

  /** Plaintext of a tree chunk that was read or written before. */
  findNode(name: Uint8Array): Uint8Array | undefined {
    const row = this.#database.get("SELECT bytes FROM nodes WHERE name = ?", name);
    return row === undefined ? undefined : blob(row, "bytes");
  }

  keepNode(name: Uint8Array, bytes: Uint8Array): void {
    this.#database.run("INSERT OR IGNORE INTO nodes(name, bytes) VALUES (?, ?)", name, bytes);
  }

  readState(key: string): Uint8Array | undefined {
    const row = this.#database.get("SELECT value FROM state WHERE key = ?", key);
    return row === undefined ? undefined : blob(row, "value");
  }

  writeState(key: string, value: Uint8Array): void {
    this.#database.run(
      "INSERT INTO state(key, value) VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
      key,
      value,
    );
  }

  /** Segments of the published index in their order. */
  segments(): { name: Uint8Array; offset: number; lengthBytes: number; pack: number }[] {
    return this.#database
      .all("SELECT name, offset, length, pack FROM segments ORDER BY position")
      .map((row) => ({
        name: blob(row, "name"),
        offset: Number(row["offset"]),
        lengthBytes: Number(row["length"]),
        pack: Number(row["pack"]),
      }));
  }

  setSegments(segments: readonly { name: Uint8Array }[]): void {
    this.#database.run("DELETE FROM segments");
    segments.forEach(({ name }, position) => {
      const place = this.findChunk(name);
      assert(place !== undefined, "a segment lies in an indexed pack");
      this.#database.run(
        "INSERT INTO segments(position, name, offset, length, pack) VALUES (?, ?, ?, ?, ?)",
        position,
        name,
        place.offset,
        place.lengthBytes,
        place.pack,
      );
    });
  }

  keepContent(id: Uint8Array, path: string): void {
    this.#database.run(
      "INSERT INTO contents(id, path) VALUES (?, ?) ON CONFLICT(id) DO UPDATE SET path = excluded.path",
      id,
      path,
    );
  }

  findContent(id: Uint8Array): string | undefined {
    const path = this.#database.get("SELECT path FROM contents WHERE id = ?", id)?.["path"];
    return typeof path === "string" ? path : undefined;
  }

  close(): void {
    this.#database.close();
  }
}

function packOf(row: SqlRow): PackRow {
  const kind = row["kind"];
  assert(kind === "data" || kind === "tree" || kind === "index", "a pack has one of three kinds");
  return { id: Number(row["id"]), kind, stripe: decodeStripe(blob(row, "stripe")) };
}

function blob(row: SqlRow, column: string): Uint8Array {
  const value = row[column];
  assert(value instanceof Uint8Array, "a blob column holds a blob");
  return value;
}
