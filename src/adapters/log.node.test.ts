import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openFileLog } from "./log.node.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-log-"));
after(() => rmSync(folder, { recursive: true }));

test("write() keeps lines of JSON from the minimum level on", () => {
  const file = join(folder, "plain.log");
  const log = openFileLog(file);
  log.write("debug", "too.small");
  log.write("warn", "disk", { freeBytes: 5, text: 'with "quotes"\nand lines' });
  log.close();
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  assert.equal(lines.length, 1);
  const line = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  assert.equal(line["event"], "disk");
  assert.equal(line["freeBytes"], 5);
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test("write() rotates, so that the log is bounded and the newest line is kept", () => {
  const file = join(folder, "rotated.log");
  const log = openFileLog(file, { maxBytes: 1000 });
  for (let number = 0; number < 200; number++) log.write("info", "line", { number });
  log.close();
  const names = readdirSync(folder).filter((name) => name.startsWith("rotated.log"));
  assert.deepEqual(names.sort(), ["rotated.log", "rotated.log.1", "rotated.log.2"]);
  for (const name of names) assert.ok(statSync(join(folder, name)).size <= 1000);
  assert.match(readFileSync(file, "utf8").trimEnd(), /"number":199}$/);
});

test("openFileLog() goes on with a file that is there", () => {
  const file = join(folder, "again.log");
  for (const event of ["first", "second"]) {
    const log = openFileLog(file);
    log.write("info", event);
    log.close();
  }
  assert.equal(readFileSync(file, "utf8").split("\n").length, 3);
});
