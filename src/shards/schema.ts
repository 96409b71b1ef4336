/** Steps of the holder's database, by `user_version`. Never edit one that was released.
 *
 * state: 0 held, 1 set aside (its bytes are damaged or gone), 2 orphan (a blob that nobody leases);
 * place: 0 a row of `contents`, 1 a blob whose name is the id. `totals` is kept by triggers, so
 * that it can never differ from what it counts.
 * @see docs/format/holder-database.md */
export const HOLDER_SCHEMA: readonly string[] = [
  `CREATE TABLE shards(
     number INTEGER PRIMARY KEY,
     id BLOB NOT NULL UNIQUE,
     length INTEGER NOT NULL,
     place INTEGER NOT NULL,
     state INTEGER NOT NULL,
     since INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX shards_unleased ON shards(since) WHERE state <> 0;
   CREATE TABLE leaves(
     shard INTEGER PRIMARY KEY REFERENCES shards(number) ON DELETE CASCADE,
     hashes BLOB NOT NULL
   ) STRICT;
   CREATE TABLE contents(
     shard INTEGER PRIMARY KEY REFERENCES shards(number) ON DELETE CASCADE,
     bytes BLOB NOT NULL
   ) STRICT;
   CREATE TABLE accounts(number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE) STRICT;
   CREATE TABLE leases(
     account INTEGER NOT NULL REFERENCES accounts(number),
     shard BLOB NOT NULL REFERENCES shards(id) ON DELETE CASCADE,
     until INTEGER NOT NULL,
     PRIMARY KEY(account, shard)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX leases_shard ON leases(shard);
   CREATE TABLE tickets(number BLOB PRIMARY KEY, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX tickets_expires ON tickets(expires);
   CREATE TABLE flags(key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE totals(
     state INTEGER PRIMARY KEY,
     shards INTEGER NOT NULL,
     bytes INTEGER NOT NULL
   ) STRICT;
   INSERT INTO totals VALUES (0, 0, 0), (1, 0, 0), (2, 0, 0);
   CREATE TRIGGER shards_added AFTER INSERT ON shards BEGIN
     UPDATE totals SET shards = shards + 1, bytes = bytes + new.length WHERE state = new.state;
   END;
   CREATE TRIGGER shards_changed AFTER UPDATE OF state, length ON shards BEGIN
     UPDATE totals SET shards = shards - 1, bytes = bytes - old.length WHERE state = old.state;
     UPDATE totals SET shards = shards + 1, bytes = bytes + new.length WHERE state = new.state;
   END;
   CREATE TRIGGER shards_removed AFTER DELETE ON shards BEGIN
     UPDATE totals SET shards = shards - 1, bytes = bytes - old.length WHERE state = old.state;
   END;`,
  `CREATE TABLE devices(
     number INTEGER PRIMARY KEY,
     peer BLOB NOT NULL UNIQUE,
     account INTEGER NOT NULL REFERENCES accounts(number)
   ) STRICT;`,
];
