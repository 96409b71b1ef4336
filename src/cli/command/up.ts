import type { Command } from "commander";
import { startOrJoin, startDaemon } from "../daemon-process.ts";
import type { Started } from "../daemon-process.ts";
import { CliError } from "../error.ts";
import { openSession } from "../session.ts";

/** `up`: starts the daemon, apart or in the foreground. */
export function configure(command: Command): void {
  command
    .option("--port <port>", "TCP port for peers; it is kept for later starts")
    .option("--foreground", "stay in the terminal and log to it, for service managers")
    .addHelpText("after", "\nExample:\n  holdfast up --port 4242")
    .action(async (options: { port?: string; foreground?: true }) => {
      const session = openSession(command);
      const port = options.port === undefined ? [] : ["--port", portOf(options.port)];
      if (options.foreground === true) {
        const { runDaemon } = await import("../../daemon/main.ts");
        // A terminal or a journal that goes away ends no daemon.
        process.stdout.removeAllListeners("error").on("error", () => {});
        const failure = await runDaemon(["--home", session.paths.home, "--foreground", ...port]);
        if (failure !== undefined) throw failure;
        return;
      }
      const running =
        port.length === 0
          ? await session.askRunning<Started>("GET", "/v1/version").catch(() => undefined)
          : undefined;
      const started = running === undefined ? await start(session.paths.home, port) : undefined;
      // One that runs already, or that another command has started; restarted if it is older.
      const about = started ?? (await session.ask<Started>("GET", "/v1/version"));
      if (running !== undefined) session.say(`the daemon is running already (pid ${about.pid})\n`);
      else session.say(`started: peer ${about.peer}, port ${about.port}, pid ${about.pid}\n`);
      session.result({
        pid: about.pid,
        peer: about.peer,
        port: about.port,
        started: running === undefined,
      });
    });
}

function start(home: string, port: readonly string[]): Promise<Started | undefined> {
  // With a port the user means this start: a daemon that runs already is a failure then.
  return port.length === 0 ? startOrJoin(home) : startDaemon(home, port);
}

function portOf(text: string): string {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return text;
  throw new CliError("USAGE", `port ${text}: wanted a number from 0 to 65535`);
}
