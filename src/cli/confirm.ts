import { createInterface } from "node:readline/promises";
import type { Readable, Writable } from "node:stream";
import { CliError } from "./error.ts";

/** Where a question is asked. */
export interface Terminal {
  input: Readable & { isTTY?: boolean };
  output: Writable;
}

/** Asks before something that cannot be taken back; where nobody is there to answer, as in a
 * script, the command line counts as the answer.
 * @param sure the option `--yes`
 * @throws CliError INTERRUPTED for every answer but yes */
export async function confirm(
  question: string,
  sure: boolean,
  terminal: Terminal = { input: process.stdin, output: process.stderr },
): Promise<void> {
  if (sure || terminal.input.isTTY !== true) return;
  const lines = createInterface(terminal);
  try {
    // Without more input the question would never be answered.
    const ended = new Promise<string>((resolve) => void lines.once("close", () => resolve("")));
    const answer = await Promise.race([lines.question(`${question} [y/N] `), ended]);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    lines.close();
  }
  throw new CliError("INTERRUPTED", "nothing was changed", { hint: "--yes answers beforehand" });
}
