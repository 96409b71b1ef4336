import { API } from "typescript/unstable/sync";
import { createVirtualFileSystem } from "typescript/unstable/fs";
import type { Node, SourceFile } from "typescript/unstable/ast";

/** One file of the project as the rules see it. */
export interface Source {
  /** From the project's root, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly ast: SourceFile;
}

/** Something that breaks a rule, as `path:line: what`. */
export type Problem = string;

const CONFIG = {
  compilerOptions: { noLib: true, noResolve: true, types: [], allowImportingTsExtensions: true },
  include: ["**/*"],
};

/** Parses texts by path with the compiler's own parser. No import is followed. */
export function parse(texts: ReadonlyMap<string, string>): Source[] {
  const files: Record<string, string> = { "/tsconfig.json": JSON.stringify(CONFIG) };
  for (const [path, text] of texts) files[`/${path}`] = text;
  const api = new API({ cwd: "/", fs: createVirtualFileSystem(files) });
  try {
    const project = api.updateSnapshot({ openProjects: ["/tsconfig.json"] }).getProjects()[0];
    return [...texts].map(([path, text]) => {
      const ast = project?.program.getSourceFile(`/${path}`);
      if (ast === undefined) throw new Error(`${path} was not parsed`);
      return { path, text, ast };
    });
  } finally {
    api.close();
  }
}

/** A problem at a node's first line. */
export function problemAt(source: Source, node: Node, what: string): Problem {
  const { line } = source.ast.getLineAndCharacterOfPosition(node.getStart(source.ast));
  return `${source.path}:${line + 1}: ${what}`;
}

/** A node and all nodes under it, parents before children. */
export function* walk(node: Node): Generator<Node> {
  yield node;
  const children: Node[] = [];
  node.forEachChild((child) => {
    children.push(child);
  });
  for (const child of children) yield* walk(child);
}

/** Whether a file is a test, or a suite that tests import. */
export function isTest(path: string): boolean {
  return /\.(test|contract)\.ts$/.test(path) || path.startsWith("tests/");
}
