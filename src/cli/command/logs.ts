import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { setTimeout as timer } from "node:timers/promises";
import type { Command } from "commander";
import { CliError } from "../error.ts";
import { printable } from "../format.ts";
import { openSession } from "../session.ts";
import type { Session } from "../session.ts";

const POLL_MS = 200;

/** `logs`: the last lines of daemon.log, running daemon or not. */
export function configure(command: Command): void {
  command
    .option("-n, --lines <count>", "how many lines", "100")
    .option("-f, --follow", "go on with what comes")
    .addHelpText("after", "\nExample:\n  holdfast logs -f")
    .action(async (options: { lines: string; follow?: true }) => {
      const session = openSession(command);
      const file = session.paths.log;
      if (!/^\d{1,7}$/.test(options.lines)) {
        throw new CliError("USAGE", `--lines ${options.lines}: wanted a number`);
      }
      if (!existsSync(file)) {
        throw new CliError("DAEMON_NOT_RUNNING", `there is no log ${file}`, {
          hint: "the daemon writes it: `holdfast up`",
        });
      }
      const text = readFileSync(file, "utf8");
      const lines = text.split("\n").filter((line) => line !== "");
      for (const line of lines.slice(-Number(options.lines))) print(session, line);
      if (options.follow === true) await follow(session, file, Buffer.byteLength(text));
    });
}

async function follow(session: Session, file: string, fromBytes: number): Promise<void> {
  let at = fromBytes;
  let rest = "";
  for (;;) {
    await timer(POLL_MS);
    const sizeBytes = existsSync(file) ? statSync(file).size : 0;
    // A smaller file is a new one: the old was rotated away.
    if (sizeBytes < at) at = 0;
    if (sizeBytes === at) continue;
    for await (const part of createReadStream(file, {
      start: at,
      end: sizeBytes - 1,
      encoding: "utf8",
    })) {
      rest += String(part);
    }
    at = sizeBytes;
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) print(session, line);
  }
}

function print(session: Session, line: string): void {
  if (session.json) process.stdout.write(`${line}\n`);
  else session.say(`${forPeople(line)}\n`);
}

function forPeople(line: string): string {
  try {
    const { time, level, event, ...fields } = JSON.parse(line) as Record<string, unknown>;
    const rest = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`);
    return printable(
      `${String(time)} ${String(level).padEnd(5)} ${String(event)} ${rest.join(" ")}`,
    ).trimEnd();
  } catch {
    return printable(line);
  }
}
