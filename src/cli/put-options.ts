import type { Command } from "commander";
import { parseCode } from "../daemon/quantity.ts";
import { CliError } from "./error.ts";

/** The options that `put` and `upload` share. */
export interface PutOptions {
  exclude: string[];
  code?: string;
  ack?: string;
}

/** Adds them to a command. */
export function addPutOptions(command: Command): Command {
  const collect = (pattern: string, patterns: string[]): string[] => [...patterns, pattern];
  const none: string[] = [];
  return command
    .option("--exclude <pattern>", "leave out what matches; may be repeated", collect, none)
    .option(
      "--code <k/n>",
      "any k of n shards give the data back (default: by the number of peers)",
    )
    .option("--ack <when>", "full: when every shard is stored; r: when enough are", "full");
}

/** Their part of the request's body, checked.
 * @throws CliError USAGE */
export function putInput(options: PutOptions): { exclude: string[]; code?: string; ack?: string } {
  const { exclude, code, ack } = options;
  if (code !== undefined && parseCode(code) === undefined) {
    throw new CliError("USAGE", `code ${code}: wanted k/n with 1 ≤ k ≤ n ≤ 255`, {
      hint: "for example --code 5/10",
    });
  }
  if (ack !== undefined && ack !== "full" && ack !== "r") {
    throw new CliError("USAGE", `--ack ${ack}: wanted full or r`);
  }
  return {
    exclude,
    ...(code === undefined ? {} : { code }),
    ...(ack === undefined ? {} : { ack }),
  };
}
