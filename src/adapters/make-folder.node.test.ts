import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeFolder } from "./make-folder.node.ts";

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-folder-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("makeFolder() makes what is missing, and says whether it did", () => {
  const deep = join(folder, "a", "b", "c");
  assert.equal(makeFolder(deep), true);
  assert.equal(statSync(join(folder, "a")).mode & 0o777, 0o700);
  assert.equal(makeFolder(deep), false);
  assert.equal(makeFolder("/"), false);
});

test("makeFolder() refuses a path through a file", () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  assert.throws(() => makeFolder(file), { code: "EEXIST" });
  assert.throws(() => makeFolder(join(file, "below", "it")), { code: "ENOTDIR" });
});

test(
  "makeFolder() ends where the system makes no folders",
  { skip: process.platform === "linux" ? false : "there is no /proc" },
  () => {
    assert.throws(() => makeFolder("/proc/holdfast/home"), { code: "ENOENT" });
  },
);
