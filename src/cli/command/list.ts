import type { Command } from "commander";
import { formatTable, printable } from "../format.ts";
import { openSession } from "../session.ts";

/** `list`: the content ids of what was stored by name. */
export function configure(command: Command): void {
  command.addHelpText("after", "\nExample:\n  holdfast list").action(async () => {
    const session = openSession(command);
    const answer = await session.ask<{ uploads: { path: string; id: string }[] }>(
      "GET",
      "/v1/list",
    );
    session.say(formatTable(answer.uploads.map(({ id, path }) => [id, printable(path)])));
    session.result(answer);
  });
}
