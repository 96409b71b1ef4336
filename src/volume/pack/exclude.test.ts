import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { utf8 } from "../../base/bytes.ts";
import { excludeFilter } from "./exclude.ts";

const CASES: readonly [pattern: string, excluded: string[], kept: string[]][] = [
  ["*.o", ["a.o", "deep/er/b.o", ".o"], ["a.oo", "o", "a.o/x"]],
  ["node_modules", ["node_modules", "a/node_modules"], ["node_modules2", "a/xnode_modules"]],
  ["my-dir/", ["my-dir", "a/my-dir"], ["my_dir"]],
  ["a/*.txt", ["a/x.txt", "a/.txt"], ["b/a/x.txt", "a/b/x.txt", "x.txt"]],
  ["/a/b", ["a/b"], ["x/a/b", "a/b/c"]],
  ["a/**", ["a/b", "a/b/c"], ["a", "ab/c"]],
  ["**/x", ["x", "a/x", "a/b/x"], ["ax", "a/xx"]],
  ["a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["az", "a/bz"]],
  ["?.c", ["a.c", "ü.c", "\u{1f40b}.c", "d/a.c"], ["ab.c", ".c"]],
  ["a+(b)[c]{d}^$|.\\", ["a+(b)[c]{d}^$|.\\"], ["aab"]],
  ["new\nline*", ["new\nline", "new\nline\n2"], ["new"]],
  ["", [], ["a"]],
  ["/", [], ["a"]],
];

for (const [pattern, excluded, kept] of CASES) {
  test(`the pattern ${JSON.stringify(pattern)} leaves out what it should and nothing else`, () => {
    const isExcluded = excludeFilter([pattern]);
    for (const path of excluded) assert.equal(isExcluded(utf8(path)), true, path);
    for (const path of kept) assert.equal(isExcluded(utf8(path)), false, path);
  });
}

test("one of several patterns is enough, and none leaves out nothing", () => {
  assert.equal(excludeFilter(["*.a", "*.b"])(utf8("x.b")), true);
  assert.equal(excludeFilter([])(utf8("x.b")), false);
});

test("no pattern takes long, however many ways there are through it", () => {
  const name = utf8("a".repeat(250));
  assert.equal(excludeFilter([`${"*a".repeat(20)}*b`])(name), false);
  assert.equal(excludeFilter([`${"*a".repeat(20)}*`])(name), true);
  assert.equal(excludeFilter([`${"**/".repeat(20)}b`])(utf8("a/".repeat(100))), false);
  assert.equal(excludeFilter(["a".repeat(50_000)])(name), false);
});

test("names that are not UTF-8 are matched by wildcards", () => {
  const name = Uint8Array.of(0x66, 0xff, 0x2e, 0x6f);
  assert.equal(excludeFilter(["*.o"])(name), true);
  assert.equal(excludeFilter(["f?.o"])(name), true);
  assert.equal(excludeFilter(["*.c"])(name), false);
});

test("a pattern without wildcards is the text itself, whatever is in it", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1 }).filter((name) => !/[*?/]/u.test(name));
  fc.assert(
    fc.property(text, text, (pattern, other) => {
      const isExcluded = excludeFilter([pattern]);
      assert.equal(isExcluded(utf8(pattern)), true);
      assert.equal(isExcluded(utf8(`a/${pattern}`)), true);
      assert.equal(isExcluded(utf8(other)), pattern === other);
    }),
  );
});
