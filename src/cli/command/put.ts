import { basename, resolve } from "node:path";
import type { Command } from "commander";
import type { PutSummary } from "../../volume/service.ts";
import { counted, formatBytes } from "../format.ts";
import { addPutOptions, putInput } from "../put-options.ts";
import type { PutOptions } from "../put-options.ts";
import { CliError } from "../error.ts";
import { openSession } from "../session.ts";

/** `put`: stores a file, a folder or standard input. */
export function configure(command: Command): void {
  addPutOptions(command.argument("<source>", "file or folder, or - for standard input"))
    .argument("[target]", "path to store at (default: / and the source's name)")
    .addHelpText("after", "\nExample:\n  holdfast put ~/Pictures /pictures --exclude '*.tmp'")
    .action(async (source: string, target: string | undefined, options: PutOptions) => {
      const session = openSession(command);
      const input = putInput(options);
      const summary =
        source === "-"
          ? await session.run<PutSummary>(
              "/v1/put-stream",
              { target: needed(target), code: input.code, ack: input.ack },
              process.stdin,
            )
          : await session.run<PutSummary>("/v1/put", {
              ...input,
              source: resolve(source),
              target: target ?? `/${basename(resolve(source))}`,
            });
      session.say(describe(summary));
      session.result(summary);
    });
}

function needed(target: string | undefined): string {
  if (target !== undefined) return target;
  throw new CliError("USAGE", "standard input has no name: a target is wanted", {
    hint: "for example: tar c . | holdfast put - /backup.tar",
  });
}

/** One line on what a put has done. */
export function describe(summary: PutSummary): string {
  const code = summary.n === 0 ? "kept on this machine" : `${summary.k} of ${summary.n}`;
  const what = `${counted(summary.files, "file")}, ${formatBytes(summary.bytes)}`;
  const news = `${formatBytes(summary.newBytes)} new`;
  const sent = `${formatBytes(summary.storedBytes)} sent`;
  return `stored ${what} (${news}, ${sent}; ${code}), snapshot ${summary.snapshot}\n`;
}
