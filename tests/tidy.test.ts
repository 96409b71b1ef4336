import assert from "node:assert/strict";
import { test } from "node:test";
import { checkLayers } from "./tidy/layers.ts";
import {
  checkDependencies,
  checkLinks,
  checkLock,
  checkRegistry,
  checkStandsAlone,
} from "./tidy/papers.ts";
import type { Lock, Manifest } from "./tidy/papers.ts";
import { parse } from "./tidy/parse.ts";
import type { Problem, Source } from "./tidy/parse.ts";
import { checkPurity } from "./tidy/purity.ts";
import * as shape from "./tidy/shape.ts";
import { exists, read, readSources, readTexts } from "./tidy/tree.ts";

const sources = parse(readSources());
const texts = [...readTexts()];

function clean(problems: readonly Problem[]): void {
  if (problems.length > 0) assert.fail(`\n${problems.join("\n")}`);
}

const RULES: readonly (readonly [string, (source: Source) => Problem[]])[] = [
  ["a folder of src/ imports only from lower layers", checkLayers],
  ["pure layers take time, randomness, disk and network from ports", checkPurity],
  ["files have at most 400 lines of 100 columns", shape.checkSize],
  ["functions have at most 60 lines", shape.checkFunctions],
  ["nothing claims a type that the compiler cannot check", shape.checkClaims],
  ["exported functions and classes have a docstring", shape.checkDocstrings],
];
for (const [rule, check] of RULES) test(rule, () => clean(sources.flatMap(check)));

test("the sources are found", () => {
  assert.ok(sources.some(({ path }) => path === "src/base/error.ts"));
  assert.ok(texts.some(([path]) => path === "docs/architecture.md"));
});
test("names of files say what is in them", () => {
  clean(texts.flatMap(([path]) => shape.checkName(path)));
});
test("nothing is left to be done", () => {
  clean(texts.flatMap(([path, text]) => shape.checkFinished(path, text)));
});
test("tests stand beside what they test", () => {
  clean(shape.checkBeside(sources.map(({ path }) => path)));
});
test("dependencies are pinned and explained", () => {
  const manifest = JSON.parse(read("package.json")) as Manifest;
  clean(checkDependencies(manifest, read("docs/dependencies.md")));
});
test("the lock file is complete and names no registry", () => {
  const lock = read("package-lock.json");
  clean([...checkRegistry(lock), ...checkLock(JSON.parse(lock) as Lock)]);
});
test("pages name only files that are there", () => {
  const pages = texts.filter(([path]) => path.endsWith(".md"));
  clean(pages.flatMap(([path, text]) => checkLinks(path, text, exists)));
});
test("the project stands alone", () => {
  const others = texts.filter(([path]) => !path.startsWith("tests/tidy/"));
  clean(others.flatMap(([path, text]) => checkStandsAlone(path, text)));
});
