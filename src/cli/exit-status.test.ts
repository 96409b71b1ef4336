import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { STATUS, exitStatusOf, findExitStatus } from "./exit-status.ts";

const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
const codes = [...page.matchAll(/^\| ([A-Z][A-Z0-9_]+) \|/gm)].map((match) => match[1] ?? "");

test("every documented code has an exit status", () => {
  assert.ok(codes.length > 50);
  const missing = codes.filter((code) => findExitStatus(code) === undefined);
  assert.deepEqual(missing, [], "add them to the table in exit-status.ts");
});

test("exitStatusOf() knows what is wrong by the code", () => {
  assert.equal(exitStatusOf("PATH_MISSING"), STATUS.notFound);
  assert.equal(exitStatusOf("OF_A_NEWER_DAEMON"), STATUS.failed);
  assert.equal(exitStatusOf(undefined), STATUS.internal);
});

test("operations.md lists every status", () => {
  const operations = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
  for (const status of Object.values(STATUS))
    assert.match(operations, new RegExp(`^\\| ${status} \\|`, "m"));
});
