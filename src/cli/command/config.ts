import type { Command } from "commander";
import { openSession } from "../session.ts";

interface Keys {
  keys: Record<string, unknown>;
}

/** `config`: shows or changes config.toml. */
export function configure(command: Command): void {
  command.addHelpText("after", '\nExample:\n  holdfast config set file_storage "200 GiB"');
  command
    .command("get [key]")
    .description("print one key, or all")
    .action(async (key: string | undefined) => {
      const session = openSession(command);
      const { keys } = await session.ask<Keys>("GET", "/v1/config", { key });
      for (const [name, value] of Object.entries(keys)) {
        session.say(key === undefined ? `${name} = ${textOf(value)}\n` : `${textOf(value)}\n`);
      }
      session.result(keys);
    });
  command
    .command("set <key> <value>")
    .description("set a key; it takes effect at the next start")
    .action((key: string, value: string) => change(command, { key, value }));
  command
    .command("unset <key>")
    .description("take a key out, so that its default holds")
    .action((key: string) => change(command, { key }));
  command
    .command("path")
    .description("print where the configuration is")
    .action(() => {
      const session = openSession(command);
      session.say(`${session.paths.config}\n`);
      session.result({ path: session.paths.config });
    });
}

async function change(command: Command, input: { key: string; value?: string }): Promise<void> {
  const session = openSession(command);
  const { keys } = await session.ask<Keys>("POST", "/v1/config", input);
  session.say("written; it takes effect after `holdfast down` and `holdfast up`\n");
  session.result(keys);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
