import { fromUtf8 } from "../../base/bytes.ts";

/** Decides which entries of a source are left out. A pattern without a slash is compared with each
 * name, one with a slash with the whole path below the source; `*` and `?` stop at slashes, `**`
 * does not, and `**` + `/` also stands for nothing.
 * Names that are not valid UTF-8 match only `*`-like patterns as Latin-1. */
export function excludeFilter(patterns: readonly string[]): (path: Uint8Array) => boolean {
  const rules = patterns.map((pattern) => {
    const trimmed = pattern.replace(/^\/+|\/+$/gu, "");
    return { byName: !trimmed.includes("/"), expression: expressionOf(trimmed) };
  });
  return (path) => {
    if (rules.length === 0) return false;
    const text = fromUtf8(path) ?? String.fromCharCode(...path);
    const name = text.slice(text.lastIndexOf("/") + 1);
    return rules.some(({ byName, expression }) => expression.test(byName ? name : text));
  };
}

function expressionOf(pattern: string): RegExp {
  let source = "";
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? "";
    if (pattern.startsWith("**/", at)) {
      source += "(?:.*/)?";
      at += 2;
    } else if (pattern.startsWith("**", at)) {
      source += ".*";
      at += 1;
    } else if (character === "*") source += "[^/]*";
    else if (character === "?") source += "[^/]";
    else source += character.replace(/[.+^${}()|[\]\\/]/gu, "\\$&");
  }
  return new RegExp(`^${source}$`, "su");
}
