import type { Command } from "commander";
import type { ScrubReport } from "../../ports/holder.ts";
import { counted, formatBytes } from "../format.ts";
import { openSession } from "../session.ts";

/** `scrub`: checks every shard that is kept for others. */
export function configure(command: Command): void {
  command.addHelpText("after", "\nExample:\n  holdfast scrub").action(async () => {
    const session = openSession(command);
    const report = await session.run<ScrubReport>("/v1/scrub", {});
    session.say(`checked ${counted(report.shards, "shard")}, ${formatBytes(report.bytes)}\n`);
    for (const id of report.corrupt) session.say(`corrupt, set aside: ${id}\n`);
    session.result(report);
  });
}
