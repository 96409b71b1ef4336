import assert from "node:assert/strict";
import { test } from "node:test";
import {
  counted,
  formatBytes,
  formatDuration,
  formatMode,
  formatTable,
  printable,
} from "./format.ts";
import { barOf, createProgress } from "./progress.ts";

test("formatBytes() keeps three digits", () => {
  const pairs = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1536, "1.5 KiB"],
    [312 * 2 ** 20, "312 MiB"],
    [2 ** 60, "1024 PiB"],
  ] as const;
  for (const [bytes, text] of pairs) assert.equal(formatBytes(bytes), text);
});

test("formatDuration() and counted() speak plainly", () => {
  assert.equal(formatDuration(12.4), "12 ms");
  assert.equal(formatDuration(12_340), "12.3 s");
  assert.equal(formatDuration(125_000), "2 min 5 s");
  assert.equal(counted(1, "file"), "1 file");
  assert.equal(counted(0, "file"), "0 files");
});

test("formatMode() is that of ls -l", () => {
  assert.equal(formatMode("directory", 0o750), "drwxr-x---");
  assert.equal(formatMode("file", 0o644), "-rw-r--r--");
  assert.equal(formatMode("symlink", 0o777), "lrwxrwxrwx");
});

test("formatTable() aligns columns without trailing spaces", () => {
  const rows = [
    ["a", "1", "x"],
    ["long", "200", ""],
  ];
  assert.equal(formatTable(rows, [1]), "a       1  x\nlong  200\n");
  assert.equal(formatTable([]), "");
});

test("printable() lets no name command the terminal", () => {
  assert.equal(printable("a\u001b[31m\nb\u202e日"), "a\ufffd[31m\ufffdb\ufffd日");
});

test("progress draws a bar on a terminal only, and warnings always", () => {
  const event = {
    event: "progress",
    phase: "read",
    files: 3,
    bytes: 512,
    totalBytes: 1024,
  } as const;
  assert.match(barOf(event, 1000), /read .*█░.* 50 % .*3 files, 512 B of 1\.0 KiB {2}512 B\/s/);
  for (const bar of [true, false]) {
    let text = "";
    const progress = createProgress(bar, (part) => void (text += part));
    progress.tell(event);
    progress.tell({
      event: "warning",
      code: "FILE_CHANGED",
      message: "it changed",
      path: "/x\u0007",
    });
    progress.end();
    assert.equal(text.includes("█"), bar);
    assert.ok(text.includes("warning: it changed (/x\ufffd)\n"));
  }
});
