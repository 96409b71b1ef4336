import { posix } from "node:path";
import {
  isCallExpression,
  isExportDeclaration,
  isImportDeclaration,
} from "typescript/unstable/ast";
import { isImportTypeNode, isLiteralTypeNode, isStringLiteral } from "typescript/unstable/ast";
import { SyntaxKind } from "typescript/unstable/ast";
import type { Node } from "typescript/unstable/ast";
import { isTest, problemAt, walk } from "./parse.ts";
import type { Problem, Source } from "./parse.ts";

/** The layers: a folder of src/ imports only from lower ones.
 * @see docs/architecture.md */
export const LAYERS: Readonly<Record<string, number>> = {
  base: 0,
  ports: 0,
  kernels: 1,
  crypto: 1,
  codec: 1,
  object: 2,
  ledger: 2,
  shards: 3,
  swarm: 3,
  volume: 4,
  account: 4,
  keeper: 4,
  sync: 5,
  gateway: 6,
  daemon: 7,
  cli: 8,
};
/** Layers up to this one are pure: they know no node:*, clock, randomness or timer. */
export const PURE_UP_TO = 5;
/** Adapters stand beside the layers: they implement ports, so they know what ports speak of. */
export const ADAPTERS = "adapters";
const ADAPTERS_IMPORT = new Set(["base", "ports", "kernels", "crypto", "codec", ADAPTERS]);
const ADAPTERS_IMPORTED_BY = new Set(["daemon", ADAPTERS]);

/** The folder of src/ that a path lies in, or undefined outside. */
export function folderOf(path: string): string | undefined {
  const [top, folder, file] = path.split("/");
  return top === "src" && file !== undefined ? folder : undefined;
}

/** Whether a file belongs to a layer that must be pure. */
export function isPure(path: string): boolean {
  const level = LAYERS[folderOf(path) ?? ""];
  return level !== undefined && level <= PURE_UP_TO && !isTest(path) && !path.endsWith(".node.ts");
}

/** Every module that a file names: imports, re-exports, `import()` and types from `import()`. */
export function* importsOf(source: Source): Generator<{ from: string; node: Node }> {
  for (const node of walk(source.ast)) {
    let named: Node | undefined;
    if (isImportDeclaration(node) || isExportDeclaration(node)) named = node.moduleSpecifier;
    else if (isCallExpression(node) && node.expression.kind === SyntaxKind.ImportKeyword) {
      named = node.arguments[0];
    } else if (isImportTypeNode(node) && isLiteralTypeNode(node.argument)) {
      named = node.argument.literal;
    }
    if (named !== undefined && isStringLiteral(named)) yield { from: named.text, node };
  }
}

/** Whether a folder of src/ may import from another. */
function mayImport(from: string, to: string): boolean {
  if (from === to) return true;
  if (from === ADAPTERS) return ADAPTERS_IMPORT.has(to);
  if (to === ADAPTERS) return ADAPTERS_IMPORTED_BY.has(from);
  const [own, other] = [LAYERS[from], LAYERS[to]];
  if (own === undefined || other === undefined) return false;
  return other < own || (from === "ports" && to === "base");
}

/** Imports that go up, sideways, or out of the sources; and folders that are no layer. */
export function checkLayers(source: Source): Problem[] {
  const from = folderOf(source.path);
  if (from === undefined || isTest(source.path)) return [];
  if (LAYERS[from] === undefined && from !== ADAPTERS) {
    return [`${source.path}:1: src/${from} is no layer`];
  }
  const problems: Problem[] = [];
  for (const { from: name, node } of importsOf(source)) {
    if (!name.startsWith(".")) continue;
    const target = posix.join(posix.dirname(source.path), name);
    const to = folderOf(target);
    if (to === undefined) problems.push(problemAt(source, node, `imports ${target}, outside src/`));
    else if (isTest(target)) problems.push(problemAt(source, node, `imports the test ${target}`));
    else if (!mayImport(from, to)) {
      problems.push(problemAt(source, node, `${from} may not import from ${to}`));
    }
  }
  return problems;
}
