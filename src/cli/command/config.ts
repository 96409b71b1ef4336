import { existsSync } from "node:fs";
import type { Command } from "commander";
import { startDaemon } from "../daemon-process.ts";
import { CliError } from "../error.ts";
import { openSession } from "../session.ts";
import type { Session } from "../session.ts";

interface Keys {
  keys: Record<string, unknown>;
}

interface Change {
  key: string;
  value?: string;
}

/** `config`: shows or changes config.toml. */
export function configure(command: Command): void {
  command.addHelpText("after", '\nExample:\n  holdfast config set file_storage "200 GiB"');
  command
    .command("get [key]")
    .description("print one key, or all that are set")
    .addHelpText("after", "\nExample:\n  holdfast config get file_storage")
    .action(async (key: string | undefined) => {
      const session = openSession(command);
      const { keys } = await read(session, key);
      if (Object.keys(keys).length === 0) await explainNothing(session, key);
      for (const [name, value] of Object.entries(keys)) {
        session.say(key === undefined ? `${name} = ${textOf(value)}\n` : `${textOf(value)}\n`);
      }
      session.result(keys);
    });
  command
    .command("set <key> <value>")
    .description("set a key; it takes effect at the next start")
    .addHelpText("after", '\nExample:\n  holdfast config set file_storage "200 GiB"')
    .action((key: string, value: string) => change(command, { key, value }));
  command
    .command("unset <key>")
    .description("take a key out, so that its default holds")
    .addHelpText("after", "\nExample:\n  holdfast config unset file_storage")
    .action((key: string) => change(command, { key }));
  command
    .command("path")
    .description("print where the configuration is")
    .addHelpText("after", "\nExample:\n  holdfast config path")
    .action(() => {
      const session = openSession(command);
      session.say(`${session.paths.config}\n`);
      session.result({ path: session.paths.config });
    });
}

async function change(command: Command, input: Change): Promise<void> {
  const session = openSession(command);
  const running = await ifRunning(session.askRunning<Keys>("POST", "/v1/config", { ...input }));
  const { keys } = running ?? (await write(session, input));
  session.say(
    running === undefined
      ? "written; it takes effect with the next start\n"
      : "written; it takes effect after `holdfast down` and `holdfast up`\n",
  );
  session.result(keys);
}

async function read(session: Session, key: string | undefined): Promise<Keys> {
  const running = await ifRunning(session.askRunning<Keys>("GET", "/v1/config", { key }));
  if (running !== undefined) return running;
  const { readConfigKeys } = await import("../../daemon/config.ts");
  const keys = readConfigKeys(session.paths.config);
  if (key === undefined) return { keys };
  return { keys: Object.hasOwn(keys, key) ? { [key]: keys[key] } : {} };
}

/** A key that is not set is no failure, one that there is not is.
 * @throws CliError USAGE */
async function explainNothing({ note }: Session, key: string | undefined): Promise<void> {
  const { configSchema } = await import("../../daemon/config.ts");
  const known = Object.keys(configSchema.shape);
  if (key === undefined) return note("nothing is set: the defaults hold");
  if (known.includes(key)) return note(`${key} is not set: its default holds`);
  throw new CliError("USAGE", `configuration has no key ${JSON.stringify(key)}`, {
    hint: `keys: ${known.join(", ")}`,
  });
}

/** Writes the file where no daemon runs: `store_dir` and others have to be there before the first
 * start, so no daemon is started for it. */
async function write({ paths, note }: Session, { key, value }: Change): Promise<Keys> {
  const { readConfigKeys, setConfigKey } = await import("../../daemon/config.ts");
  if (!existsSync(paths.version)) {
    const made = await startDaemon(paths.home, ["--init"]);
    note(`made a new home in ${paths.home}, peer ${made.peer}`);
  }
  setConfigKey(paths.config, key, value);
  return { keys: readConfigKeys(paths.config) };
}

async function ifRunning<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof CliError && error.code === "DAEMON_NOT_RUNNING") return undefined;
    throw error;
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
