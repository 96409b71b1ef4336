import type { Command } from "commander";
import { openSession } from "../session.ts";

/** `rm`: removes a path in a new snapshot; older snapshots keep it. */
export function configure(command: Command): void {
  command
    .argument("<path>", "stored path")
    .addHelpText("after", "\nExample:\n  holdfast rm /pictures/old")
    .action(async (path: string) => {
      const session = openSession(command);
      const made = await session.ask<{ snapshot: number }>("POST", "/v1/rm", { path });
      session.say(`removed ${path} in snapshot ${made.snapshot}\n`);
      session.result(made);
    });
}
