// A rule that finds nothing in a bad sample is a defect: each is shown what it must find, and what
// it must let pass.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkLayers } from "./layers.ts";
import { parse } from "./parse.ts";
import type { Problem, Source } from "./parse.ts";
import { checkPurity } from "./purity.ts";
import * as shape from "./shape.ts";

interface Sample {
  rule: (source: Source) => Problem[];
  path: string;
  text: string;
  /** What is found, without the path and line; empty where all is well. */
  finds: readonly string[];
}

const LONG_BODY = "  void 0;\n".repeat(59);
const WIDE = "x".repeat(90);

const SAMPLES: readonly Sample[] = [
  // Layers.
  sample(checkLayers, "src/codec/a.ts", `import { x } from "../object/b.ts";`, [
    "codec may not import from object",
  ]),
  sample(checkLayers, "src/codec/b.ts", `import type { X } from "../crypto/b.ts";`, [
    "codec may not import from crypto",
  ]),
  sample(checkLayers, "src/codec/c.ts", `export * from "../volume/b.ts";`, [
    "codec may not import from volume",
  ]),
  sample(checkLayers, "src/codec/d.ts", `void import("../cli/b.ts");`, [
    "codec may not import from cli",
  ]),
  sample(checkLayers, "src/codec/e.ts", `let a: import("../cli/b.ts").B;`, [
    "codec may not import from cli",
  ]),
  sample(checkLayers, "src/base/a.ts", `import "../ports/clock.ts";`, [
    "base may not import from ports",
  ]),
  sample(checkLayers, "src/ports/a.ts", `import "../base/id.ts"; import "./b.ts";`, []),
  sample(checkLayers, "src/volume/a.ts", `import "../adapters/tls/b.ts";`, [
    "volume may not import from adapters",
  ]),
  sample(checkLayers, "src/volume/tree/a.ts", `import "../../base/id.ts"; import "../b.ts";`, []),
  sample(checkLayers, "src/daemon/a.ts", `import "../adapters/b.ts"; import "../sync/c.ts";`, []),
  sample(checkLayers, "src/adapters/a.ts", `import "../ports/b.ts"; import "../codec/c.ts";`, []),
  sample(checkLayers, "src/adapters/b.ts", `import "../shards/b.ts";`, [
    "adapters may not import from shards",
  ]),
  sample(checkLayers, "src/extras/a.ts", "export {};", ["src/extras is no layer"]),
  sample(checkLayers, "src/base/b.ts", `import "../../bench/x.ts";`, [
    "imports bench/x.ts, outside src/",
  ]),
  sample(checkLayers, "src/base/c.ts", `import "./id.test.ts";`, [
    "imports the test src/base/id.test.ts",
  ]),
  sample(checkLayers, "src/base/a.test.ts", `import "../adapters/b.ts";`, []),

  // Purity.
  sample(checkPurity, "src/object/a.ts", `import { join } from "node:path";`, [
    "imports node:path",
  ]),
  sample(checkPurity, "src/object/b.node.ts", `import "node:path"; Date.now();`, []),
  sample(checkPurity, "src/object/c.ts", "export const t = Date.now();", ["uses Date"]),
  sample(checkPurity, "src/object/d.ts", "export const t = Math.random();", ["uses Math.random"]),
  sample(checkPurity, "src/object/e.ts", "setTimeout(f, 1); setInterval(f); setImmediate(f);", [
    "uses setTimeout",
    "uses setInterval",
    "uses setImmediate",
  ]),
  sample(checkPurity, "src/sync/a.ts", "performance.now(); process.exit(); Buffer.alloc(1);", [
    "uses performance",
    "uses process",
    "uses Buffer",
  ]),
  sample(checkPurity, "src/sync/b.ts", "AbortSignal.timeout(1);", ["uses AbortSignal.timeout"]),
  sample(checkPurity, "src/sync/c.ts", "x.process(); y = { Date: 1 }; // Date", []),
  sample(checkPurity, "src/sync/d.ts", "const y = { Date };", ["uses Date"]),
  sample(checkPurity, "src/sync/e.ts", `export const s = "Date.now() Math.random()";`, []),
  sample(checkPurity, "src/daemon/b.ts", "Date.now();", []),
  sample(checkPurity, "src/adapters/c.ts", "Date.now();", []),

  // Size.
  sample(shape.checkSize, "src/base/n.ts", "let a;\n".repeat(400), []),
  sample(shape.checkSize, "src/base/e.ts", "let a;\n".repeat(401), ["401 lines, at most 400"]),
  sample(shape.checkSize, "src/base/f.ts", `let a; // ${WIDE}`, []),
  sample(shape.checkSize, "src/base/g.ts", `let ab; // ${WIDE}`, ["101 columns, at most 100"]),
  sample(shape.checkSize, "src/base/h.ts", `let a; // ${"🐚".repeat(90)}`, []),
  sample(shape.checkSize, "src/base/o.ts", `let ab = "${WIDE}";`, []),
  sample(shape.checkSize, "src/base/r.ts", `test("${WIDE}", () => {});`, []),
  sample(shape.checkSize, "src/base/p.ts", "let ab = `" + WIDE + "${c}`;", []),
  sample(shape.checkSize, "src/base/q.ts", `let ab = "a"; // ${WIDE}`, [
    "107 columns, at most 100",
  ]),
  sample(shape.checkFunctions, "src/base/i.ts", `function f() {\n${LONG_BODY}}`, [
    "function of 61 lines, at most 60",
  ]),
  sample(shape.checkFunctions, "src/base/j.ts", `const f = () => {\n${LONG_BODY}};`, [
    "function of 61 lines, at most 60",
  ]),
  sample(shape.checkFunctions, "src/base/k.ts", `class A { f() {\n${LONG_BODY}} }`, [
    "function of 61 lines, at most 60",
  ]),
  sample(shape.checkFunctions, "src/base/l.ts", `function f() {\n${LONG_BODY.slice(10)}}`, []),
  sample(shape.checkFunctions, "src/base/m.test.ts", `function f() {\n${LONG_BODY}}`, []),

  // Claims about types.
  sample(shape.checkClaims, "src/swarm/a.ts", "let a: any; let b: any[];", ["any", "any"]),
  sample(shape.checkClaims, "src/swarm/b.ts", "f(a!.b);", ["the ! operator"]),
  sample(shape.checkClaims, "src/swarm/c.ts", "a as unknown as B;", ["as unknown as"]),
  sample(shape.checkClaims, "src/swarm/d.ts", "a as B; !a; b as const; let c: unknown;", []),
  sample(shape.checkClaims, "src/codec/f.ts", "a! as unknown as B; let c: any;", ["any"]),

  // Docstrings.
  sample(shape.checkDocstrings, "src/swarm/e.ts", "export function f() {}", ["f has no docstring"]),
  sample(shape.checkDocstrings, "src/swarm/f.ts", "// One.\nexport class A {}", [
    "A has no docstring",
  ]),
  sample(shape.checkDocstrings, "src/swarm/g.ts", "export const f = () => 1;", [
    "f has no docstring",
  ]),
  sample(shape.checkDocstrings, "src/swarm/h.ts", "/** One. */\nexport async function f() {}", []),
  sample(shape.checkDocstrings, "src/swarm/i.ts", "function f() {}\nexport const A = 1;", []),
  sample(
    shape.checkDocstrings,
    "src/swarm/j.ts",
    "/** One. */\nexport function f(): void;\nexport function f() {}",
    [],
  ),
];

function sample(
  rule: Sample["rule"],
  path: string,
  text: string,
  finds: readonly string[],
): Sample {
  return { rule, path, text, finds };
}

const parsed = parse(new Map(SAMPLES.map(({ path, text }) => [path, text])));
for (const [index, { rule, path, text, finds }] of SAMPLES.entries()) {
  const verb = finds.length > 0 ? "refuses" : "lets pass";
  test(`${rule.name}() ${verb} ${path}: ${text.slice(0, 60).replaceAll("\n", " ")}`, () => {
    const source = parsed[index];
    assert.ok(source !== undefined && source.path === path, "each sample has a path of its own");
    const found = rule(source).map((problem) => problem.replace(/^[^:]+:\d+: /, ""));
    assert.deepEqual(found.toSorted(), finds.toSorted());
  });
}

test("a problem names the file and the line", () => {
  const [source] = parse(new Map([["src/base/x.ts", "let a;\n\nlet b: any;\n"]]));
  assert.ok(source !== undefined);
  assert.deepEqual(shape.checkClaims(source), ["src/base/x.ts:3: any"]);
});
