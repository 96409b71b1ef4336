import type { Command } from "commander";
import { waitStopped } from "../daemon-process.ts";
import { CliError } from "../error.ts";
import { openSession } from "../session.ts";

/** `down`: stops the daemon and waits until it has left. */
export function configure(command: Command): void {
  command.addHelpText("after", "\nExample:\n  holdfast down").action(async () => {
    const session = openSession(command);
    const pid = await session
      .askRunning<{ pid: number }>("POST", "/v1/down")
      .then((answer) => answer.pid)
      .catch((error: unknown) => {
        if (error instanceof CliError && error.code === "DAEMON_NOT_RUNNING") return undefined;
        throw error;
      });
    if (pid !== undefined && !(await waitStopped(session.paths.home, pid))) {
      throw new CliError("DAEMON_GONE", `the daemon (pid ${pid}) does not stop`, {
        hint: `see \`holdfast logs\`; \`kill ${pid}\` ends it, nothing acknowledged is lost`,
      });
    }
    session.say(pid === undefined ? "the daemon was not running\n" : `stopped (pid ${pid})\n`);
    session.result({ stopped: pid !== undefined });
  });
}
