import { resolve } from "node:path";
import type { Command } from "commander";
import { startDaemon } from "../daemon-process.ts";
import { openSession } from "../session.ts";

/** `init`: makes a home without starting its daemon. */
export function configure(command: Command): void {
  command
    .option("--name <name>", "this device's name (default: the machine's)")
    .option("--swarm-key <file>", "join the swarm of this key, the file keys/swarm.key of a member")
    .addHelpText("after", "\nExample:\n  holdfast init --swarm-key /media/stick/swarm.key")
    .action(async (options: { name?: string; swarmKey?: string }) => {
      const session = openSession(command);
      const made = await startDaemon(session.paths.home, [
        "--init",
        ...(options.name === undefined ? [] : ["--name", options.name]),
        ...(options.swarmKey === undefined ? [] : ["--swarm-key", resolve(options.swarmKey)]),
      ]);
      const { home } = session.paths;
      session.say(
        made.created
          ? `made the home ${home}\npeer     ${made.peer}\naccount  ${made.account}\n` +
              "Its keys lie in the folder keys: whoever has them has the files, without them nobody has.\n"
          : `${home} is a home already\npeer     ${made.peer}\naccount  ${made.account}\n`,
      );
      session.result({ home, created: made.created, peer: made.peer, account: made.account });
    });
}
