import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { confirm } from "./confirm.ts";
import type { Terminal } from "./confirm.ts";

function terminalWith(answer: string, isTTY = true): Terminal & { said: () => string } {
  const input = Object.assign(new PassThrough(), { isTTY });
  const output = new PassThrough();
  input.end(answer);
  return { input, output, said: () => String(output.read() ?? "") };
}

for (const answer of ["y\n", "YES\n"]) {
  test(`confirm() goes on after ${JSON.stringify(answer)}`, async () => {
    const terminal = terminalWith(answer);
    await confirm("Leave?", false, terminal);
    assert.match(terminal.said(), /Leave\? \[y\/N\]/);
  });
}

for (const answer of ["\n", "n\n", "", "yeah\n"]) {
  test(`confirm() changes nothing after ${JSON.stringify(answer)}`, async () => {
    await assert.rejects(confirm("Leave?", false, terminalWith(answer)), { code: "INTERRUPTED" });
  });
}

test("confirm() asks nobody where there is no terminal, or with --yes", async () => {
  const script = terminalWith("n\n", false);
  await confirm("Leave?", false, script);
  const sure = terminalWith("n\n");
  await confirm("Leave?", true, sure);
  assert.equal(script.said() + sure.said(), "");
});
