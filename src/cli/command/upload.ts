import { resolve } from "node:path";
import type { Command } from "commander";
import type { PutSummary } from "../../volume/service.ts";
import { addPutOptions, putInput } from "../put-options.ts";
import type { PutOptions } from "../put-options.ts";
import { openSession } from "../session.ts";

/** `upload`: stores a path under /uploads and prints its content id. */
export function configure(command: Command): void {
  addPutOptions(command.argument("<path>", "file or folder"))
    .addHelpText("after", "\nExample:\n  holdfast upload report.pdf")
    .action(async (path: string, options: PutOptions) => {
      const session = openSession(command);
      const input = { ...putInput(options), source: resolve(path) };
      const summary = await session.run<PutSummary & { path: string }>("/v1/upload", input);
      session.say(`${summary.contentId}\n`);
      session.result({ ...summary, id: summary.contentId });
    });
}
