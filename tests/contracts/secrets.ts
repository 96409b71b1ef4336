import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SECRET_MAX_BYTES } from "../../src/base/limits.ts";
import type { Secrets } from "../../src/ports/secrets.ts";

/** What every Secrets does; `use` opens an empty one for the time of `work`. */
export function secretsContract(
  name: string,
  use: (work: (secrets: Secrets) => Promise<void>) => Promise<void>,
): void {
  const secret = new Uint8Array([1, 2, 3]);

  describe(`Secrets: ${name}`, () => {
    test("values come back as they were written, of any length", async () => {
      await use(async (secrets) => {
        for (const length of [0, 1, 32, SECRET_MAX_BYTES]) {
          const value = new Uint8Array(length).map((_, index) => index * 7);
          await secrets.write(`a-${length}.key`, value);
          assert.deepEqual(await secrets.read(`a-${length}.key`), value);
        }
      });
    });

    test("read() answers undefined to a name that was never written", async () => {
      await use(async (secrets) => {
        assert.equal(await secrets.read("none.key"), undefined);
      });
    });

    test("write() replaces, shorter by longer and longer by shorter", async () => {
      await use(async (secrets) => {
        await secrets.write("a.key", new Uint8Array(100));
        await secrets.write("a.key", secret);
        assert.deepEqual(await secrets.read("a.key"), secret);
        await secrets.write("a.key", new Uint8Array(100));
        assert.equal((await secrets.read("a.key"))?.length, 100);
      });
    });

    test("list() names all that was written, sorted", async () => {
      await use(async (secrets) => {
        assert.deepEqual(await secrets.list(), []);
        for (const written of ["b.key", "a.key", "a-1.cert", "b.key"]) {
          await secrets.write(written, secret);
        }
        assert.deepEqual(await secrets.list(), ["a-1.cert", "a.key", "b.key"]);
      });
    });

    test("what was handed in or out can be changed without harm", async () => {
      await use(async (secrets) => {
        const value = secret.slice();
        await secrets.write("a.key", value);
        value.fill(9);
        (await secrets.read("a.key"))?.fill(9);
        assert.deepEqual(await secrets.read("a.key"), secret);
      });
    });

    test("names and values beyond the limits are broken invariants", async () => {
      await use(async (secrets) => {
        const broken = { name: "InvariantError" };
        for (const bad of ["", ".hidden", "../up", "a/b", "A.key", "a".repeat(41), "a\0"]) {
          await assert.rejects(async () => await secrets.write(bad, secret), broken);
          await assert.rejects(async () => await secrets.read(bad), broken);
        }
        const long = new Uint8Array(SECRET_MAX_BYTES + 1);
        await assert.rejects(async () => await secrets.write("a.key", long), broken);
        assert.deepEqual(await secrets.list(), []);
      });
    });
  });
}
