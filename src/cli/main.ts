import type { Command } from "commander";
import { codeOf, HoldfastError, messageOf } from "../base/error.ts";
import { VERSION } from "../daemon/version.ts";
import { COMMANDS } from "./commands.ts";
import { CliError } from "./error.ts";
import { STATUS, exitStatusOf } from "./exit-status.ts";

const HELP = ["help", "--help", "-h"];
const OPTIONS = `
Options of every command:
  --home DIR   the peer's home (default: $HOLDFAST_HOME, or ~/.holdfast)
  --json       print the result as JSON, for programs
  -h, --help   show help with an example
  --version    print the version`;

/** Runs one command line and sets the exit status. */
async function main(args: readonly string[]): Promise<void> {
  const { name, before } = findName(args);
  if (name === undefined) {
    if (before.includes("--version") || before.includes("-V")) {
      process.stdout.write(`${VERSION}\n`);
      return;
    }
    if (args.length > 0 && !args.some((word) => HELP.includes(word))) throw noCommand(args);
    process.stdout.write(overview());
    if (args.length === 0) process.exitCode = STATUS.usage;
    return;
  }
  if (name === "help" && args.at(-1) === "help") {
    process.stdout.write(overview());
    return;
  }
  const wanted = name === "help" ? (args.at(-1) ?? "") : name;
  const entry = Object.hasOwn(COMMANDS, wanted) ? COMMANDS[wanted] : undefined;
  if (entry === undefined) {
    throw new CliError("USAGE", `there is no command ${JSON.stringify(wanted)}`, {
      hint: "`holdfast --help` lists all commands",
    });
  }
  const [commander, file] = await Promise.all([import("commander"), entry.load()]);
  const program = withCommonOptions(new commander.Command("holdfast"));
  const command = withCommonOptions(program.command(wanted).description(entry.summary));
  file.configure(command);
  program.hook("preAction", (_program, action) => refuseEmpty(action));
  for (const each of [program, command, ...command.commands]) {
    each.exitOverride().configureOutput({ outputError: () => {} });
  }
  try {
    const rest = name === "help" ? [wanted, "--help"] : [...args];
    await program.parseAsync(rest, { from: "user" });
  } catch (error) {
    if (!(error instanceof commander.CommanderError)) throw error;
    if (error.exitCode === 0) return;
    throw new CliError("USAGE", error.message.replace(/^error: /, ""), {
      hint: `\`holdfast ${wanted} --help\` shows the usage with an example`,
    });
  }
}

/** The command's name is the first word that is no option, nor the value of `--home`. */
function findName(args: readonly string[]): {
  name: string | undefined;
  before: readonly string[];
} {
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? "";
    if (word === "--home") index++;
    else if (!word.startsWith("-")) return { name: word, before: args.slice(0, index) };
    else if (word === "--version" || word === "-V" || HELP.includes(word)) break;
  }
  return { name: undefined, before: args };
}

function noCommand(args: readonly string[]): CliError {
  const odd = args.find((word) => word.startsWith("-") && word !== "--home" && word !== "--json");
  const message = odd === undefined ? "a command is missing" : `unknown option '${odd}'`;
  return new CliError("USAGE", message, { hint: "`holdfast --help` lists all commands" });
}

/** An empty word is most often a variable of a script that is not set; taken for a path it would
 * mean the folder that one is in. */
function refuseEmpty(action: Command): void {
  const words = action.processedArgs.flat() as unknown[];
  const names = action.registeredArguments.map((argument) => argument.name());
  const at = words.indexOf("");
  if (at < 0) return;
  throw new CliError("USAGE", `the argument '${names[at] ?? names.at(-1) ?? ""}' is empty`, {
    hint: `\`holdfast ${action.name()} --help\` shows the usage with an example`,
  });
}

function withCommonOptions(command: Command): Command {
  return command
    .option("--home <dir>", "the peer's home (default: $HOLDFAST_HOME, or ~/.holdfast)")
    .option("--json", "print the result as JSON, for programs");
}

function overview(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const lines = Object.entries(COMMANDS).map(
    ([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}\n`,
  );
  return `Holdfast ${VERSION}: cloud storage without a cloud

Usage: holdfast <command> [options]

Commands:
${lines.join("")}${OPTIONS}

Example:
  holdfast put ~/Pictures /pictures
`;
}

/** Says what went wrong: one line and a hint on standard error; an object with `--json`. */
function explain(error: unknown, json: boolean): void {
  const known = error instanceof HoldfastError;
  const code = known ? codeOf(error) : undefined;
  const message = known ? messageOf(error) : systemMessage(error);
  const hint = known ? error.hint : undefined;
  process.exitCode = known ? exitStatusOf(code) : systemStatus(error);
  if (json)
    process.stdout.write(
      `${JSON.stringify({ error: { code: code ?? "INTERNAL", message, hint } })}\n`,
    );
  process.stderr.write(`error: ${message}\n`);
  if (hint !== undefined) process.stderr.write(`hint: ${hint}\n`);
}

/** The operating system's failures are told as they are; anything else is a bug, shown whole. */
function systemMessage(error: unknown): string {
  if (error instanceof Error && !("syscall" in error)) return error.stack ?? error.message;
  return messageOf(error);
}

function systemStatus(error: unknown): number {
  const code = codeOf(error);
  if (code === "ENOENT") return STATUS.notFound;
  if (code === "EACCES" || code === "EPERM") return STATUS.denied;
  if (code === "ENOSPC") return STATUS.diskFull;
  return STATUS.internal;
}

// A reader that goes away (`holdfast ls | head`) ends the command without a word.
process.stdout.on("error", (error: Error) => {
  if (codeOf(error) === "EPIPE") process.exit(0);
  process.stderr.write(`error: cannot write to standard output: ${systemMessage(error)}\n`);
  process.exit(systemStatus(error));
});
const words = process.argv.slice(2);
main(words).catch((error: unknown) => {
  if (codeOf(error) !== "EPIPE") explain(error, words.includes("--json"));
});
