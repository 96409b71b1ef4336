import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { test } from "node:test";
import assert from "node:assert/strict";

const root = dirname(dirname(import.meta.dirname));
/** Size of the random file in the tree; the bench uses more. */
const MIB = 64;

test("the main job: ten holders, a tree in, n - k holders killed, the same tree out", async (t) => {
  const script = join(import.meta.dirname, "main-job.sh");
  const child = spawn("bash", [script, String(MIB)], { cwd: root, signal: t.signal });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const [status] = (await once(child, "close")) as [number | null];
  assert.equal(status, 0, output);
  t.diagnostic(output.trim().split("\n").at(-1) ?? "");
});
