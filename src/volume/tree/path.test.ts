import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { HoldfastError } from "../../base/error.ts";
import { parseVolumePath } from "./path.ts";

const namesOf = (text: string): string[] =>
  parseVolumePath(text).names.map((name) => Buffer.from(name).toString());

test("paths are read as they are written, slashes counted once", () => {
  const cases: [text: string, names: string[], path: string][] = [
    ["/", [], "/"],
    ["//", [], "/"],
    ["/a", ["a"], "/a"],
    ["/a/b/", ["a", "b"], "/a/b"],
    ["//a///b", ["a", "b"], "/a/b"],
    ["home:/a", ["a"], "/a"],
    ["/a:b/c", ["a:b", "c"], "/a:b/c"],
    ["/home:/x", ["home:", "x"], "/home:/x"],
    ["/...", ["..."], "/..."],
    ["/new\nline", ["new\nline"], "/new\nline"],
    ["/\u00e9", ["\u00e9"], "/\u00e9"],
    ["/e\u0301", ["e\u0301"], "/e\u0301"],
    [`/${"ü".repeat(127)}`, ["ü".repeat(127)], `/${"ü".repeat(127)}`],
  ];
  for (const [text, names, path] of cases) {
    assert.deepEqual(namesOf(text), names, text);
    assert.equal(parseVolumePath(text).text, path);
  }
});

test("what cannot be a path is refused", () => {
  const malformed = [
    "",
    "a",
    "a/b",
    "home:",
    "home:a",
    ":",
    ":/a",
    "/.",
    "/..",
    "/a/../b",
    "/a\0b",
  ];
  for (const text of [...malformed, `/${"x".repeat(256)}`, `/${"ü".repeat(128)}`]) {
    assert.throws(() => parseVolumePath(text), { code: "PATH_MALFORMED" }, JSON.stringify(text));
  }
  assert.throws(() => parseVolumePath("other:/a"), { code: "VOLUME_UNKNOWN" });
});

test("whatever the text is, there is a path of possible names or a coded refusal", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."a/.:\0\nü\ud800") }), (text) => {
      try {
        for (const name of parseVolumePath(text).names) {
          assert.ok(name.length > 0 && !name.includes(0) && !name.includes(0x2f));
        }
      } catch (error) {
        assert.ok(error instanceof HoldfastError);
      }
    }),
    { numRuns: 500 },
  );
});
