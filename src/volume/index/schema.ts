/** Steps of the owner's index database, by `user_version`. Never edit one that was released.
 * @see docs/format/index-database.md */
export const INDEX_SCHEMA: readonly string[] = [
  `CREATE TABLE packs(
     id INTEGER PRIMARY KEY,
     ident BLOB NOT NULL UNIQUE,
     kind TEXT NOT NULL,
     pack_bytes INTEGER NOT NULL,
     shards INTEGER NOT NULL,
     placed INTEGER NOT NULL,
     published INTEGER NOT NULL DEFAULT 0,
     stripe BLOB NOT NULL
   ) STRICT;
   CREATE INDEX packs_unfinished ON packs(id) WHERE placed < shards OR shards = 1;
   CREATE INDEX packs_unpublished ON packs(id) WHERE published <= 0;
   CREATE TABLE chunks(
     name BLOB PRIMARY KEY,
     pack INTEGER NOT NULL REFERENCES packs(id),
     offset INTEGER NOT NULL,
     length INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX chunks_pack ON chunks(pack);
   CREATE TABLE nodes(name BLOB PRIMARY KEY, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE segments(
     position INTEGER PRIMARY KEY,
     name BLOB NOT NULL,
     offset INTEGER NOT NULL,
     length INTEGER NOT NULL,
     pack INTEGER NOT NULL REFERENCES packs(id)
   ) STRICT;
   CREATE TABLE contents(id BLOB PRIMARY KEY, path TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE state(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;`,
];
