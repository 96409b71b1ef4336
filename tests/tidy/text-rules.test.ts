import assert from "node:assert/strict";
import { test } from "node:test";
import * as papers from "./papers.ts";
import { parse } from "./parse.ts";
import { checkBeside, checkFinished, checkName } from "./shape.ts";

test("checkName() refuses names that say nothing, as a word of their own", () => {
  for (const path of ["src/base/utils.ts", "src/helpers/a.ts", "src/swarm/peer-manager.ts"]) {
    assert.equal(checkName(path).length, 1, path);
  }
  for (const path of ["src/base/bytes.ts", "src/swarm/commonly.ts", "src/utilise/a.ts"]) {
    assert.deepEqual(checkName(path), [], path);
  }
});

test("checkFinished() finds notes of unfinished work", () => {
  const note = ["TO", "DO"].join("");
  assert.deepEqual(checkFinished("a.md", `fine\n// ${note}: more`), [`a.md:2: ${note}`]);
  assert.deepEqual(checkFinished("a.md", `${note}S and mas${note.toLowerCase()}n`), []);
});

test("checkBeside() refuses a test that stands alone", () => {
  const sources = ["src/swarm/session.ts", "src/swarm/tls/knock.node.ts", "tests/e2e/a.test.ts"];
  const good = ["src/swarm/session.test.ts", "src/swarm/session-kill.test.ts"];
  const nested = ["src/swarm/swarm.test.ts", "src/swarm/tls/knock.test.ts"];
  assert.deepEqual(checkBeside([...sources, ...good, ...nested]), []);
  const alone = ["src/swarm/other.test.ts", "src/ledger/session.test.ts"];
  assert.equal(checkBeside([...sources, ...alone]).length, 2);
});

test("rowsOf() gives the cells of rows, not heads", () => {
  const page = "# T\n\n| a | b |\n| --- | :-: |\n| 1 | 2 |\n| 3 | |\n\ntext | no\n";
  assert.deepEqual(papers.rowsOf(page), [
    ["1", "2"],
    ["3", ""],
  ]);
});

test("checkDependencies() wants exact versions and one row each", () => {
  const head = "| name | why |\n| --- | --- |\n";
  const manifest = { dependencies: { a: "1.2.3" }, devDependencies: { b: "4.5.6" } };
  assert.deepEqual(papers.checkDependencies(manifest, `${head}| a | x |\n| \`b\` | y |\n`), []);
  const missing = papers.checkDependencies(manifest, `${head}| a | x |\n`);
  assert.deepEqual(missing, ["docs/dependencies.md:1: b has 0 rows, not one"]);
  const unused = papers.checkDependencies({ dependencies: {} }, `${head}| a | x |\n`);
  assert.deepEqual(unused, ["docs/dependencies.md:1: a is not used"]);
  const loose = papers.checkDependencies({ dependencies: { a: "^1.2.3" } }, `${head}| a | x |\n`);
  assert.deepEqual(loose, ["package.json:1: a is not pinned"]);
});

test("checkLock() finds what npm left out, and install scripts", () => {
  const optionalDependencies = { "@b/linux": "1.0.0", "@b/win": "1.0.0" };
  const packages = { "": {}, "node_modules/b": { version: "1.0.0", optionalDependencies } };
  const linux = { "node_modules/@b/linux": { version: "1.0.0" } };
  const win = { "node_modules/@b/win": { version: "1.0.0" } };
  const missing = papers.checkLock({ packages: { ...packages, ...linux } });
  assert.deepEqual(missing, ["package-lock.json:1: @b/win 1.0.0 is missing"]);
  assert.deepEqual(papers.checkLock({ packages: { ...packages, ...linux, ...win } }), []);
  const script = { "node_modules/c": { version: "1.0.0", hasInstallScript: true } };
  assert.equal(papers.checkLock({ packages: script }).length, 1);
});

test("checkRegistry() finds addresses of a registry", () => {
  assert.deepEqual(papers.checkRegistry(`{\n"version": "1.0.0",\n"integrity": "sha512-x"\n}`), []);
  const line = `"resolved": "https://registry.example/a/-/a-1.0.0.tgz"`;
  assert.deepEqual(papers.checkRegistry(`{\n${line}\n}`), [
    "package-lock.json:2: names a registry",
  ]);
});

test("checkLinks() finds what is not there", () => {
  const there = (path: string): boolean => path === "docs/a.md" || path === "tests/a.test.ts";
  const check = (text: string): string[] => papers.checkLinks("docs/b.md", text, there);
  assert.deepEqual(check("[a](a.md#part) [w](https://example.org) `tests/a.test.ts`"), []);
  assert.equal(check("[a](c.md)").length, 1);
  assert.equal(check("see `tests/b.test.ts`").length, 1);
  assert.equal(check("see `src/none.ts`").length, 1);
});

test("checkStandsAlone() finds paths that nobody else has", () => {
  const outside = ["see ", "../", "shared/style.md"].join("");
  assert.equal(papers.checkStandsAlone("docs/a.md", outside).length, 1);
  assert.deepEqual(papers.checkStandsAlone("docs/a.md", "see docs/b.md, it is shared"), []);
});

test("codesOf() reads unions, single codes and unions of unions", () => {
  const texts = new Map([
    ["src/a/error.ts", `export type ACode = "A_ONE" | "A_TWO";\nexport type Other = "NOT";`],
    ["src/b/error.ts", `export type BCode = "B_ONE";`],
  ]);
  const codes = papers.codesOf(parse(texts)).map(({ code }) => code);
  assert.deepEqual(codes, ["A_ONE", "A_TWO", "B_ONE"]);
});

test("checkErrors() compares codes and rows in both directions", () => {
  const page = (...rows: string[]): string =>
    `| code | layer | meaning | what to do |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
  const row = (code: string): string => `| ${code} | a | b | c |`;
  const a = { code: "A_ONE", path: "src/a/error.ts" };
  const b = { code: "B_ONE", path: "src/b/error.ts" };
  assert.deepEqual(papers.checkErrors([a, b], page(row("A_ONE"), row("B_ONE"))), []);
  assert.deepEqual(papers.checkErrors([a, { ...b, code: "A_ONE" }], page(row("A_ONE"))), []);
  for (const [codes, text] of [
    [[a, b], page(row("A_ONE"))],
    [[a], page(row("A_ONE"), row("A_ONE"))],
    [[a], page(row("A_ONE"), row("B_ONE"))],
    [[a, b], page(row("B_ONE"), row("A_ONE"))],
    [[a], page("| A_ONE | a | | c |")],
    [[a], page("| A_ONE | a | b |")],
    [[{ ...a, code: "a-one" }], page(row("a-one"))],
  ] as const) {
    assert.equal(papers.checkErrors(codes, text).length, 1, text);
  }
});
