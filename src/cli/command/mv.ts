import type { Command } from "commander";
import { openSession } from "../session.ts";

/** `mv`: renames a path in a new snapshot. */
export function configure(command: Command): void {
  command
    .argument("<from>", "stored path")
    .argument("<to>", "its new name, exactly")
    .addHelpText("after", "\nExample:\n  holdfast mv /pictures /archive/pictures")
    .action(async (from: string, to: string) => {
      const session = openSession(command);
      const made = await session.ask<{ snapshot: number }>("POST", "/v1/mv", { from, to });
      session.say(`renamed ${from} to ${to} in snapshot ${made.snapshot}\n`);
      session.result(made);
    });
}
