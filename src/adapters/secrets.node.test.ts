import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { secretsContract } from "../../tests/contracts/secrets.ts";
import { SECRET_MAX_BYTES } from "../base/limits.ts";
import type { Secrets } from "../ports/secrets.ts";
import { openSecrets } from "./secrets.node.ts";

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-secrets-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function use(work: (secrets: Secrets) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => await work(await openSecrets(join(folder, "keys"))));
}

const value = new Uint8Array([1]);

secretsContract("files", use);

test("only this user may enter the folder and read the files", async () => {
  await withFolder(async (folder) => {
    const keys = join(folder, "keys");
    await mkdir(keys, { mode: 0o755 });
    const secrets = await openSecrets(keys);
    await secrets.write("a.key", value);
    assert.equal((await stat(keys)).mode & 0o777, 0o700);
    assert.equal((await stat(join(keys, "a.key"))).mode & 0o777, 0o600);
  });
});

test("what an interrupted write left is no secret, and the next write removes it", async () => {
  await withFolder(async (folder) => {
    const secrets = await openSecrets(folder);
    await writeFile(join(folder, ".a.key.new"), "half", { mode: 0o644 });
    assert.deepEqual(await secrets.list(), []);
    assert.equal(await secrets.read("a.key"), undefined);
    await secrets.write("a.key", value);
    assert.deepEqual(await readdir(folder), ["a.key"]);
    assert.equal((await stat(join(folder, "a.key"))).mode & 0o777, 0o600);
  });
});

test("list() passes over files that are not ours", async () => {
  await withFolder(async (folder) => {
    await writeFile(join(folder, "README"), "mine");
    assert.deepEqual(await (await openSecrets(folder)).list(), []);
  });
});

test("a file that is too long or no file at all is SECRET_UNREADABLE and named", async () => {
  await withFolder(async (folder) => {
    const secrets = await openSecrets(folder);
    await writeFile(join(folder, "a.key"), new Uint8Array(SECRET_MAX_BYTES + 1));
    await mkdir(join(folder, "b.key"));
    for (const name of ["a.key", "b.key"]) {
      await assert.rejects(
        async () => await secrets.read(name),
        (error: Error & { code?: string }) =>
          error.code === "SECRET_UNREADABLE" && error.message.includes(name),
      );
    }
  });
});

test("a folder that cannot be is SECRET_UNWRITABLE, and so is a name that is taken", async () => {
  await withFolder(async (folder) => {
    await writeFile(join(folder, "file"), "");
    const unwritable = { code: "SECRET_UNWRITABLE" };
    await assert.rejects(async () => await openSecrets(join(folder, "file", "keys")), unwritable);
    const secrets = await openSecrets(folder);
    await mkdir(join(folder, "a.key"));
    await assert.rejects(async () => await secrets.write("a.key", value), unwritable);
  });
});
