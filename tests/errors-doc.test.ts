import assert from "node:assert/strict";
import { test } from "node:test";
import { checkErrors, codesOf } from "./tidy/papers.ts";
import { parse } from "./tidy/parse.ts";
import { read, readAll } from "./tidy/tree.ts";

test("docs/errors.md has one row for every code of the sources", () => {
  const codes = codesOf(parse(readAll(["src/**/*.ts"])));
  assert.ok(
    codes.some(({ code }) => code === "SEAL_BROKEN"),
    "the codes were found",
  );
  const problems = checkErrors(codes, read("docs/errors.md"));
  if (problems.length > 0) assert.fail(`\n${problems.join("\n")}`);
});
