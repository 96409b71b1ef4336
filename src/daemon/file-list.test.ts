import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { DaemonError } from "./error.ts";
import { openFileList } from "./file-list.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-files-"));
after(() => rmSync(folder, { recursive: true }));

test("the list survives, follows a rename and forgets what is removed", () => {
  const file = join(folder, "files.json");
  const list = openFileList(file);
  list.set("/a/b", "id-b");
  list.set("/a/c", "id-c");
  list.set("/ab", "id-ab");
  list.move("/a", "/z");
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), {
    "/ab": "id-ab",
    "/z/b": "id-b",
    "/z/c": "id-c",
  });
  const again = openFileList(file);
  assert.equal(again.find("id-c"), "/z/c");
  again.remove("/z");
  assert.deepEqual(again.entries(), [{ path: "/ab", id: "id-ab" }]);
  assert.equal(again.find("id-b"), undefined);
});

test("openFileList() refuses a damaged file and leaves it", () => {
  const file = join(folder, "bad.json");
  for (const text of ["{", "[1]", '{"/a": 5}', "null"]) {
    writeFileSync(file, text);
    assert.throws(() => openFileList(file), DaemonError, text);
    assert.equal(readFileSync(file, "utf8"), text);
  }
});
