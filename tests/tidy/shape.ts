import { basename } from "node:path";
import { isAsExpression, isClassDeclaration } from "typescript/unstable/ast";
import { isFunctionDeclaration, isVariableStatement, SyntaxKind } from "typescript/unstable/ast";
import type { Node } from "typescript/unstable/ast";
import { folderOf } from "./layers.ts";
import { isTest, problemAt, walk } from "./parse.ts";
import type { Problem, Source } from "./parse.ts";

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 60;
const COLUMNS_MAX = 100;
/** Names that say nothing, as a word of a file's or folder's name. */
const EMPTY_NAMES = /(^|[/.-])(utils?|helpers?|common|managers?|misc)([/.-]|$)/;
/** Notes of unfinished work; written so that this file does not break its own rule. */
const UNFINISHED = /\b(TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b/;
/** What has a body of statements. */
const FUNCTIONS = new Set([
  SyntaxKind.FunctionDeclaration,
  SyntaxKind.FunctionExpression,
  SyntaxKind.ArrowFunction,
  SyntaxKind.MethodDeclaration,
  SyntaxKind.Constructor,
  SyntaxKind.GetAccessor,
  SyntaxKind.SetAccessor,
]);
/** Folders that may say that they know better than the compiler: they deal in raw bytes. */
const MAY_ASSERT = new Set(["codec", "kernels"]);

/** What the formatter cannot break: literals. A line that only they make wide is let pass. */
const UNBREAKABLE = new Set([
  SyntaxKind.StringLiteral,
  SyntaxKind.NoSubstitutionTemplateLiteral,
  SyntaxKind.TemplateExpression,
  SyntaxKind.RegularExpressionLiteral,
]);

/** The head of a test, which the formatter keeps on one line with its title. */
const TEST_HEAD = /^\s*(await )?(\w+\.)?(test|suite)\("/;

/** Lines (from 0) that a literal carries beyond the last column. */
function carriedLines({ ast, text }: Source): Set<number> {
  const lines = new Set<number>();
  for (const [index, line] of text.split("\n").entries()) {
    if (TEST_HEAD.test(line)) lines.add(index);
  }
  for (const node of walk(ast)) {
    if (!UNBREAKABLE.has(node.kind)) continue;
    const first = ast.getLineAndCharacterOfPosition(node.getStart(ast)).line;
    const { line: last, character } = ast.getLineAndCharacterOfPosition(node.end);
    for (let line = first; line < last; line++) lines.add(line);
    if (character > COLUMNS_MAX - 2) lines.add(last);
  }
  return lines;
}

/** Files that are too long, and lines that are too wide. */
export function checkSize(source: Source): Problem[] {
  const problems: Problem[] = [];
  const lines = source.text.replace(/\n$/, "").split("\n");
  if (lines.length > FILE_LINES_MAX) {
    problems.push(`${source.path}:1: ${lines.length} lines, at most ${FILE_LINES_MAX}`);
  }
  const carried = carriedLines(source);
  for (const [index, line] of lines.entries()) {
    // Characters as a reader counts them, not UTF-16 units.
    const columns = Array.from(line).length;
    if (columns > COLUMNS_MAX && !carried.has(index)) {
      problems.push(`${source.path}:${index + 1}: ${columns} columns, at most ${COLUMNS_MAX}`);
    }
  }
  return problems;
}

/** Functions that are too long. A test's body is as long as its story. */
export function checkFunctions(source: Source): Problem[] {
  if (isTest(source.path)) return [];
  const problems: Problem[] = [];
  const lineOf = (at: number): number => source.ast.getLineAndCharacterOfPosition(at).line;
  for (const node of walk(source.ast)) {
    if (!FUNCTIONS.has(node.kind)) continue;
    const lines = lineOf(node.end) - lineOf(node.getStart(source.ast)) + 1;
    if (lines <= FUNCTION_LINES_MAX) continue;
    problems.push(problemAt(source, node, `function of ${lines} lines, at most 60`));
  }
  return problems;
}

/** Names of files and folders that say nothing. */
export function checkName(path: string): Problem[] {
  return EMPTY_NAMES.test(path) ? [`${path}:1: the name says nothing about what is in it`] : [];
}

/** Notes of unfinished work, in any text. */
export function checkFinished(path: string, text: string): Problem[] {
  return text.split("\n").flatMap((line, index) => {
    const note = UNFINISHED.exec(line);
    return note === null ? [] : [`${path}:${index + 1}: ${note[0]}`];
  });
}

/** `any`, and claims that the compiler cannot check, where they are not allowed. */
export function checkClaims(source: Source): Problem[] {
  const mayAssert = MAY_ASSERT.has(folderOf(source.path) ?? "");
  const problems: Problem[] = [];
  for (const node of walk(source.ast)) {
    if (node.kind === SyntaxKind.AnyKeyword) problems.push(problemAt(source, node, "any"));
    if (mayAssert) continue;
    if (node.kind === SyntaxKind.NonNullExpression) {
      problems.push(problemAt(source, node, "the ! operator"));
    }
    if (isDoubleAssertion(node)) problems.push(problemAt(source, node, "as unknown as"));
  }
  return problems;
}

function isDoubleAssertion(node: Node): boolean {
  return (
    isAsExpression(node) &&
    isAsExpression(node.expression) &&
    node.expression.type.kind === SyntaxKind.UnknownKeyword
  );
}

/** Exported functions and classes of src/ without a docstring. */
export function checkDocstrings(source: Source): Problem[] {
  if (folderOf(source.path) === undefined || isTest(source.path)) return [];
  const documented = new Set<string>();
  const problems: Problem[] = [];
  for (const node of source.ast.statements) {
    const name = exportedName(node);
    if (name === undefined) continue;
    // Of an overloaded function one docstring is enough.
    if ((node.jsDoc?.length ?? 0) > 0) documented.add(name);
    else if (!documented.has(name))
      problems.push(problemAt(source, node, `${name} has no docstring`));
  }
  return problems;
}

/** The name of an exported function, class, or constant that holds a function. */
function exportedName(node: Node): string | undefined {
  if (isFunctionDeclaration(node) || isClassDeclaration(node)) {
    const exported = node.modifiers?.some(({ kind }) => kind === SyntaxKind.ExportKeyword) ?? false;
    return exported ? (node.name?.text ?? "default") : undefined;
  }
  if (!isVariableStatement(node)) return undefined;
  if (!(node.modifiers?.some(({ kind }) => kind === SyntaxKind.ExportKeyword) ?? false))
    return undefined;
  const [first] = node.declarationList.declarations;
  const held = first?.initializer;
  return held !== undefined && FUNCTIONS.has(held.kind) ? first?.name.getText() : undefined;
}

/** Tests of src/ that stand beside nothing: `pack.test.ts` belongs beside `pack.ts`,
 * `pack-crash.test.ts` too, and `codec.test.ts` in the folder `codec`. */
export function checkBeside(paths: readonly string[]): Problem[] {
  const stems = new Map<string, Set<string>>();
  for (const path of paths) {
    if (isTest(path)) continue;
    const folder = path.slice(0, path.lastIndexOf("/"));
    const stem = basename(path).replace(/(\.node)?\.ts$/, "");
    stems.set(folder, (stems.get(folder) ?? new Set([basename(folder)])).add(stem));
  }
  return paths.flatMap((path) => {
    if (!path.startsWith("src/") || !isTest(path)) return [];
    const stem = basename(path).replace(/(\.node)?\.(test|contract)\.ts$/, "");
    const beside = stems.get(path.slice(0, path.lastIndexOf("/"))) ?? new Set();
    const found = [...beside].some((name) => stem === name || stem.startsWith(`${name}-`));
    return found ? [] : [`${path}:1: stands beside no file that it could test`];
  });
}
