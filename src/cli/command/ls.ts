import type { Command } from "commander";
import type { Entry } from "../../volume/service.ts";
import { formatBytes, formatMode, formatTable, formatTime, printable } from "../format.ts";
import { openSession } from "../session.ts";

const PAGE = 1000;

/** `ls`: lists a folder, page by page. */
export function configure(command: Command): void {
  command
    .argument("[path]", "stored path", "/")
    .option("-r, --recursive", "with everything below")
    .addHelpText("after", "\nExample:\n  holdfast ls -r /pictures")
    .action(async (path: string, options: { recursive?: true }) => {
      const session = openSession(command);
      const all: Entry[] = [];
      const recursive = options.recursive === true;
      for (let after: string | undefined; ;) {
        const input = { path, recursive, after, limit: PAGE };
        const { entries } = await session.ask<{ entries: Entry[] }>("GET", "/v1/ls", input);
        session.say(formatTable(entries.map(rowOf), [1]));
        if (session.json) all.push(...entries);
        after = entries.at(-1)?.path;
        if (entries.length < PAGE) break;
      }
      session.result({ entries: all });
    });
}

function rowOf(entry: Entry): string[] {
  const size = entry.kind === "directory" ? "-" : formatBytes(entry.sizeBytes);
  const mode = formatMode(entry.kind, entry.mode);
  return [mode, size, formatTime(entry.mtimeMs), printable(entry.path)];
}
