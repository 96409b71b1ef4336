import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const root = dirname(dirname(import.meta.dirname));
const SOURCES = ["{src,tests,bench,sim,scripts}/**/*.ts"];
const TEXTS = [
  "{src,tests,bench,sim,scripts,assembly,docs,bin,.ci}/**/*.{ts,mjs,md,sh,json}",
  "{*.md,package.json,Dockerfile,compose.yaml,bin/holdfast,.ci/run}",
];
/** Vectors are data. */
const DATA = /^tests\/vectors\//;

/** A file's text by its path from the root. */
export function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** Whether there is a file or folder at a path from the root. */
export function exists(path: string): boolean {
  return existsSync(join(root, path));
}

/** The texts of all files that a glob finds, by path, in order. */
export function readAll(globs: readonly string[]): Map<string, string> {
  const paths = globSync([...globs], { cwd: root }).filter((path) => !DATA.test(path));
  return new Map(paths.toSorted().map((path) => [path, read(path)]));
}

/** The TypeScript of the project, by path. */
export function readSources(): Map<string, string> {
  return readAll(SOURCES);
}

/** All that people write in the project, by path. */
export function readTexts(): Map<string, string> {
  return readAll(TEXTS);
}
