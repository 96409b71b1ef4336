import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Database } from "../../src/ports/database.ts";

/** What every Database does; `open` gives an empty one, closed by the suite. */
export function databaseContract(name: string, open: () => Database): void {
  const withTable = (work: (database: Database) => void): void => {
    const database = open();
    try {
      database.exec("CREATE TABLE t(id INTEGER PRIMARY KEY, value ANY) STRICT");
      work(database);
    } finally {
      database.close();
    }
  };
  const count = (database: Database): unknown => database.get("SELECT count(*) AS n FROM t")?.["n"];

  describe(`Database: ${name}`, () => {
    test("values come back as they were stored", () => {
      withTable((database) => {
        const values = [
          null,
          0,
          -1,
          Number.MAX_SAFE_INTEGER,
          0.5,
          "",
          "häß\u0000",
          new Uint8Array(0),
        ];
        for (const value of [...values, Uint8Array.of(0, 255)]) {
          database.run("INSERT OR REPLACE INTO t VALUES (1, ?)", value);
          assert.deepEqual(database.get("SELECT value FROM t")?.["value"], value);
        }
      });
    });

    test("run() counts changed rows, get() gives the first or undefined, all() gives all", () => {
      withTable((database) => {
        assert.equal(database.run("INSERT INTO t VALUES (2, 'b'), (1, 'a')"), 2);
        assert.equal(database.run("DELETE FROM t WHERE id = 9"), 0);
        assert.equal(database.get("SELECT value FROM t WHERE id = 9"), undefined);
        assert.equal(database.get("SELECT value FROM t ORDER BY id")?.["value"], "a");
        const values = database.all("SELECT value FROM t ORDER BY id").map((row) => row["value"]);
        assert.deepEqual(values, ["a", "b"]);
      });
    });

    test("transaction() returns what its work returns", () => {
      withTable((database) => {
        assert.equal(
          database.transaction(() => database.run("INSERT INTO t VALUES (1, 1)")),
          1,
        );
        assert.equal(count(database), 1);
      });
    });

    test("transaction() undoes everything when its work throws, and the next one works", () => {
      withTable((database) => {
        const boom = new Error("boom");
        const broken = (): never => {
          database.run("INSERT INTO t VALUES (1, 1)");
          throw boom;
        };
        assert.throws(() => database.transaction(broken), boom);
        assert.equal(count(database), 0);
        database.transaction(() => database.run("INSERT INTO t VALUES (1, 1)"));
        assert.equal(count(database), 1);
      });
    });

    test("transaction() undoes everything when a statement fails", () => {
      withTable((database) => {
        const twice = (): void => {
          database.run("INSERT INTO t VALUES (1, 1)");
          database.run("INSERT INTO t VALUES (1, 2)");
        };
        assert.throws(() => database.transaction(twice), { code: "DATABASE_FAILED" });
        assert.equal(count(database), 0);
      });
    });

    test("transaction() is not re-entrant and takes no asynchronous work", () => {
      withTable((database) => {
        const nested = (): void => database.transaction(() => undefined);
        assert.throws(() => database.transaction(nested), { name: "InvariantError" });
        const late = async (): Promise<void> => {};
        assert.throws(() => database.transaction(late), { name: "InvariantError" });
      });
    });

    test("many different statements are not too many", () => {
      withTable((database) => {
        for (let n = 0; n < 600; n++) {
          assert.equal(database.get(`SELECT ${n} AS n`)?.["n"], n);
        }
      });
    });

    test("a malformed statement is DATABASE_FAILED", () => {
      withTable((database) => {
        assert.throws(() => database.run("SELEKT 1"), { code: "DATABASE_FAILED" });
        assert.throws(() => database.exec("SELEKT 1"), { code: "DATABASE_FAILED" });
      });
    });

    test("close() may be called twice", () => {
      const database = open();
      database.close();
      database.close();
    });
  });
}
