import { readFileSync } from "node:fs";

/** The version of this program, from its package. */
export const VERSION = readVersion();

function readVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const found = /"version":\s*"([^"]+)"/.exec(text)?.[1];
  if (found === undefined) throw new TypeError("package.json has no version");
  return found;
}

/** Whether version `a` is older than `b`: numbers part by part; a pre-release is older than its
 * release.
 * What cannot be read as a version counts as older. */
export function isOlder(a: string, b: string): boolean {
  const left = parse(a);
  const right = parse(b);
  if (left === undefined || right === undefined) return left === undefined && right !== undefined;
  for (let part = 0; part < 3; part++) {
    const difference = (left.numbers[part] ?? 0) - (right.numbers[part] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  if (left.pre === right.pre) return false;
  return left.pre !== "" && (right.pre === "" || left.pre < right.pre);
}

function parse(version: string): { numbers: number[]; pre: string } | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?$/.exec(version);
  if (match === null) return undefined;
  return { numbers: match.slice(1, 4).map(Number), pre: match[4] ?? "" };
}
