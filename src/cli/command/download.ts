import { resolve } from "node:path";
import type { Command } from "commander";
import type { GetSummary } from "../../volume/service.ts";
import { CliError } from "../error.ts";
import { describeGet } from "../get-summary.ts";
import { openSession } from "../session.ts";

/** `download`: fetches what has a content id. */
export function configure(command: Command): void {
  command
    .argument("<id>", "content id, as `upload` and `list` print it")
    .argument("[target]", "path to make (default: the id)")
    .option("--peers-only", "use no copy of this machine")
    .addHelpText("after", "\nExample:\n  holdfast download <id> report.pdf")
    .action(async (id: string, target: string | undefined, options: { peersOnly?: true }) => {
      const session = openSession(command);
      if (!/^[a-z2-7]{52}$/.test(id)) {
        throw new CliError("USAGE", `${JSON.stringify(id)} is no content id of 52 characters`, {
          hint: "`holdfast list` shows the ids of what was uploaded",
        });
      }
      const path = resolve(target ?? id);
      const input = { id, target: path, peersOnly: options.peersOnly === true };
      const summary = await session.run<GetSummary>("/v1/download", input);
      session.say(describeGet(summary, path));
      session.result({ ...summary, target: path });
    });
}
