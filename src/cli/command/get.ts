import { basename, resolve } from "node:path";
import type { Command } from "commander";
import type { GetSummary } from "../../volume/service.ts";
import { CliError } from "../error.ts";
import { describeGet } from "../get-summary.ts";
import { openSession } from "../session.ts";

interface GetOptions {
  peersOnly?: true;
  at?: string;
}

/** `get`: fetches a file or a folder, or one file to standard output. */
export function configure(command: Command): void {
  command
    .argument("<source>", "stored path, as /a/b or volume:/a/b")
    .argument("[target]", "path to make, or - for standard output (default: the source's name)")
    .option("--peers-only", "use no copy of this machine")
    .option("--at <number>", "of this snapshot, not the newest")
    .addHelpText("after", "\nExample:\n  holdfast get /pictures ~/restored")
    .action(async (source: string, target: string | undefined, options: GetOptions) => {
      const session = openSession(command);
      const input = { source, peersOnly: options.peersOnly === true, at: snapshotOf(options.at) };
      if (target === "-") {
        await session.fetch("/v1/file", input, process.stdout);
        return;
      }
      const path = resolve(target ?? (basename(source.replace(/^[^/]*:/, "")) || "home"));
      const summary = await session.run<GetSummary>("/v1/get", { ...input, target: path });
      session.say(describeGet(summary, path));
      session.result({ ...summary, target: path });
    });
}

function snapshotOf(text: string | undefined): number | undefined {
  if (text === undefined || /^\d{1,15}$/.test(text))
    return text === undefined ? undefined : Number(text);
  throw new CliError("USAGE", `--at ${text}: wanted the number of a snapshot`, {
    hint: "`holdfast history` lists them",
  });
}
