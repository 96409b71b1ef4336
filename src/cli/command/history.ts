import type { Command } from "commander";
import type { SnapshotInfo } from "../../volume/service.ts";
import { formatTable, formatTime, printable } from "../format.ts";
import { openSession } from "../session.ts";

/** `history`: lists the snapshots, or those in which a path changed. */
export function configure(command: Command): void {
  command
    .argument("[path]", "only the snapshots in which this path changed")
    .addHelpText("after", "\nExample:\n  holdfast history /pictures")
    .action(async (path: string | undefined) => {
      const session = openSession(command);
      const answer = await session.ask<{ snapshots: SnapshotInfo[] }>("GET", "/v1/history", {
        path,
      });
      const rows = answer.snapshots.map((each) => [
        String(each.number),
        formatTime(each.timeMs),
        each.device.slice(0, 8),
        printable(each.message),
      ]);
      if (path !== undefined && rows.length === 0) session.note(`nothing was ever at ${path}`);
      session.say(formatTable(rows, [0]));
      session.result(answer);
    });
}
