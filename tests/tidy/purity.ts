import { isIdentifier, isPropertyAccessExpression, SyntaxKind } from "typescript/unstable/ast";
import type { Node } from "typescript/unstable/ast";
import { importsOf, isPure } from "./layers.ts";
import { problemAt, walk } from "./parse.ts";
import type { Problem, Source } from "./parse.ts";

/** Names of the platform that are time, randomness, I/O or a runtime of its own. */
const IMPURE = new Set([
  ..."Date performance process Buffer crypto console fetch globalThis global require".split(" "),
  ..."setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate".split(" "),
  ..."WebSocket Worker navigator Intl".split(" "),
]);
/** Properties of otherwise pure objects. */
const IMPURE_PROPERTIES = new Set(["Math.random", "AbortSignal.timeout", "Atomics.wait"]);
/** Under these an identifier is the name of a property, not a reference. */
const NAMED_BY_PARENT = new Set([
  SyntaxKind.PropertyAssignment,
  SyntaxKind.PropertySignature,
  SyntaxKind.PropertyDeclaration,
  SyntaxKind.MethodSignature,
  SyntaxKind.MethodDeclaration,
  SyntaxKind.GetAccessor,
  SyntaxKind.SetAccessor,
]);

function isReference(node: Node): boolean {
  const { parent } = node;
  if (isPropertyAccessExpression(parent)) return parent.expression === node;
  return !(NAMED_BY_PARENT.has(parent.kind) && "name" in parent && parent.name === node);
}

/** What a pure layer may not use: it comes through ports, so that a simulator can own it. */
export function checkPurity(source: Source): Problem[] {
  if (!isPure(source.path)) return [];
  const problems: Problem[] = [];
  for (const { from, node } of importsOf(source)) {
    if (from.startsWith("node:")) problems.push(problemAt(source, node, `imports ${from}`));
  }
  for (const node of walk(source.ast)) {
    if (isPropertyAccessExpression(node) && isIdentifier(node.expression)) {
      const name = `${node.expression.text}.${node.name.text}`;
      if (IMPURE_PROPERTIES.has(name)) problems.push(problemAt(source, node, `uses ${name}`));
    }
    if (isIdentifier(node) && IMPURE.has(node.text) && isReference(node)) {
      problems.push(problemAt(source, node, `uses ${node.text}`));
    }
  }
  return problems;
}
