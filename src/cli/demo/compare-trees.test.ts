import assert from "node:assert/strict";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findDifference } from "./compare-trees.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-compare-"));
after(() => rmSync(folder, { recursive: true }));
const left = join(folder, "left");
mkdirSync(join(left, "sub"), { recursive: true });
writeFileSync(join(left, "file"), "content");
symlinkSync("file", join(left, "link"));
utimesSync(join(left, "file"), 1_000_000, 1_000_000);

const changes: readonly (readonly [string, (right: string) => void, RegExp])[] = [
  [
    "other bytes",
    (right) => writeFileSync(join(right, "file"), "kontent"),
    /file: (other bytes|another time)/,
  ],
  [
    "another size",
    (right) => writeFileSync(join(right, "file"), "more content"),
    /12 bytes instead of 7/,
  ],
  ["another mode", (right) => chmodSync(join(right, "file"), 0o600), /mode/],
  ["another time", (right) => utimesSync(join(right, "file"), 5, 5), /another time/],
  ["a missing entry", (right) => rmSync(join(right, "link")), /link: is missing|another time/],
  ["one too many", (right) => mkdirSync(join(right, "sub", "x")), /x: is too much|another time/],
  [
    "another link",
    (right) => {
      rmSync(join(right, "link"));
      symlinkSync("sub", join(right, "link"));
    },
    /links elsewhere|another time/,
  ],
];
for (const [name, change, message] of changes) {
  test(`findDifference() finds ${name}`, () => {
    const right = join(folder, "right");
    rmSync(right, { recursive: true, force: true });
    cpSync(left, right, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    assert.equal(findDifference(left, right), undefined);
    change(right);
    assert.match(findDifference(left, right) ?? "", message);
  });
}
