import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { replaceFile } from "./atomic-file.ts";
import { homePaths } from "./home.ts";
import { lockHome } from "./lock.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-lock-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("a home whose very first file was not finished is a home", () => {
  const paths = homePaths(join(folder, "cut"));
  mkdirSync(paths.home);
  writeFileSync(`${paths.version}.new`, "");
  lockHome(paths)();
  assert.equal(readFileSync(paths.version, "utf8"), "1\n");
});

test("a home that cannot be made is refused, and nothing is left", () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  for (const home of [file, join(file, "home"), "/proc/holdfast/home"]) {
    if (home.startsWith("/proc") && process.platform !== "linux") continue;
    assert.throws(() => lockHome(homePaths(home)), { code: "HOME_UNUSABLE" });
  }
});

test("replaceFile() that fails leaves the old file and no other", () => {
  const path = join(folder, "taken");
  mkdirSync(join(path, "below"), { recursive: true });
  assert.throws(() => replaceFile(path, "new"), { code: "HOME_UNUSABLE" });
  assert.equal(existsSync(`${path}.new`), false);
});
