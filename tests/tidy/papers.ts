import { posix } from "node:path";
import { isTypeAliasDeclaration, isUnionTypeNode } from "typescript/unstable/ast";
import { isLiteralTypeNode, isStringLiteral } from "typescript/unstable/ast";
import { walk } from "./parse.ts";
import type { Problem, Source } from "./parse.ts";

/** The parts of package.json that rules look at. */
export interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** The cells of a Markdown page's table rows, without heads and rules. */
export function rowsOf(page: string): string[][] {
  const lines = page.split("\n");
  return lines.flatMap((line, index) => {
    const isHead = /^\|[ :-]+\|/.test(lines[index + 1] ?? "") && !lines[index - 1]?.startsWith("|");
    if (!line.startsWith("|") || isHead || /^\|[ :|-]+\|$/.test(line)) return [];
    return [
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    ];
  });
}

/** Direct dependencies that are not pinned exactly, and those that the page does not explain
 * once. */
export function checkDependencies(manifest: Manifest, page: string): Problem[] {
  const { dependencies, devDependencies, optionalDependencies } = manifest;
  const direct = { ...dependencies, ...devDependencies, ...optionalDependencies };
  const rows = rowsOf(page).map(([name]) => (name ?? "").replaceAll("`", ""));
  const problems: Problem[] = [];
  for (const [name, version] of Object.entries(direct)) {
    if (!/^\d+\.\d+\.\d+$/.test(version)) problems.push(`package.json:1: ${name} is not pinned`);
    const count = rows.filter((row) => row === name).length;
    if (count !== 1) problems.push(`docs/dependencies.md:1: ${name} has ${count} rows, not one`);
  }
  for (const row of rows) {
    if (direct[row] === undefined) problems.push(`docs/dependencies.md:1: ${row} is not used`);
  }
  return problems;
}

/** Addresses of a registry in a lock file: it must work with any mirror. */
export function checkRegistry(lock: string): Problem[] {
  return lock.split("\n").flatMap((line, index) => {
    const bad = /"resolved"|registry\.|\.tgz"/.test(line);
    return bad ? [`package-lock.json:${index + 1}: names a registry`] : [];
  });
}

/** What the rules read of a lock file. */
export interface Lock {
  packages: Record<
    string,
    { version?: string; optionalDependencies?: Record<string, string>; hasInstallScript?: boolean }
  >;
}

/** Packages of other platforms that the lock file leaves out, as npm does when it cannot reach
 * them, and then refuses to install from that file; and packages that want to run a script when
 * installed. */
export function checkLock({ packages }: Lock): Problem[] {
  const problems: Problem[] = [];
  for (const [path, entry] of Object.entries(packages)) {
    if (entry.hasInstallScript === true) {
      problems.push(`package-lock.json:1: ${path} has an install script`);
    }
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (packages[`node_modules/${name}`]?.version === version) continue;
      problems.push(`package-lock.json:1: ${name} ${version} is missing`);
    }
  }
  return problems;
}

/** Links to files and paths in backticks that name a file of this project which is not there.
 * @param exists whether a path from the project's root exists */
export function checkLinks(
  path: string,
  text: string,
  exists: (path: string) => boolean,
): Problem[] {
  const problems: Problem[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    for (const [, target = ""] of line.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const file = posix.join(posix.dirname(path), target);
      if (!exists(file))
        problems.push(`${path}:${index + 1}: links to ${file}, which is not there`);
    }
    for (const [, file = ""] of line.matchAll(
      /`((?:src|tests|docs|scripts|bench|bin)\/[\w./-]+)`/g,
    )) {
      if (!exists(file)) problems.push(`${path}:${index + 1}: names ${file}, which is not there`);
    }
  }
  return problems;
}

/** Paths of a machine or of files beside the project, which nobody else has. */
export function checkStandsAlone(path: string, text: string): Problem[] {
  return text.split("\n").flatMap((line, index) => {
    const outside = /\.\.\/shared\b|\/work\/(main|shared)\b/.exec(line);
    return outside === null ? [] : [`${path}:${index + 1}: ${outside[0]} is not in the project`];
  });
}

/** Every code of the layers' `…Code` unions, with the file that declares it. */
export function codesOf(sources: readonly Source[]): { code: string; path: string }[] {
  const codes: { code: string; path: string }[] = [];
  for (const { ast, path } of sources) {
    for (const node of ast.statements) {
      if (!isTypeAliasDeclaration(node) || !node.name.text.endsWith("Code")) continue;
      const whole = isUnionTypeNode(node.type) ? node.type.types : [node.type];
      for (const member of whole.flatMap((type) => [...walk(type)])) {
        if (isLiteralTypeNode(member) && isStringLiteral(member.literal)) {
          codes.push({ code: member.literal.text, path });
        }
      }
    }
  }
  return codes;
}

/** Codes of the sources without exactly one row in docs/errors.md, rows without a code, rows out of
 * order, and rows with an empty cell. */
export function checkErrors(
  codes: readonly { code: string; path: string }[],
  page: string,
): Problem[] {
  const problems: Problem[] = [];
  const rows = rowsOf(page);
  const listed = rows.map(([code]) => code ?? "");
  // A layer may hand on a code of a port that it uses: then the row names both.
  const seen = new Map(codes.map(({ code, path }) => [code, path]));
  for (const [code, path] of seen) {
    const count = listed.filter((row) => row === code).length;
    if (count !== 1) problems.push(`docs/errors.md:1: ${code} has ${count} rows, not one`);
    if (!/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/.test(code)) problems.push(`${path}:1: ${code} is no code`);
  }
  for (const [index, code] of listed.entries()) {
    if (!seen.has(code)) problems.push(`docs/errors.md:1: ${code} is no code of the sources`);
    if (code < (listed[index - 1] ?? ""))
      problems.push(`docs/errors.md:1: ${code} is out of order`);
    const cells = rows[index] ?? [];
    if (cells.length !== 4 || cells.includes("")) {
      problems.push(`docs/errors.md:1: the row of ${code} does not have four full cells`);
    }
  }
  return problems;
}
