import { parse, stringify, TomlError } from "smol-toml";
import { z } from "zod";
import { messageOf } from "../base/error.ts";
import { MIB } from "../base/limits.ts";
import { readIfThere, replaceFile } from "./atomic-file.ts";
import { DaemonError } from "./error.ts";
import { parseBytes, parseCode } from "./quantity.ts";

const bytes = z.union([z.number().int().nonnegative(), z.string()]).transform((value, context) => {
  const parsed = typeof value === "number" ? value : parseBytes(value);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: "custom", message: 'wanted bytes, as 1073741824 or "50 GiB"' });
  return z.NEVER;
});
const code = z.string().transform((value, context) => {
  const parsed = parseCode(value);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: "custom", message: 'wanted "k/n" with 1 ≤ k ≤ n ≤ 255, as "5/10"' });
  return z.NEVER;
});
const path = z.string().min(1).max(4096);
const place = z
  .string()
  .max(255)
  .regex(/^\S+:\d{1,5}$/, 'wanted "host:port"');

/** The configuration: every key, its form and its default. Unknown keys are errors. */
export const configSchema = z.strictObject({
  port: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(0)
    .describe("TCP port for peers; 0: one that is free, kept"),
  peer_list: path.optional().describe("file of the known peers; default peers.json in the home"),
  file_list: path.optional().describe("file of path → content id; default files.json in the home"),
  file_storage: bytes
    .optional()
    .describe("bytes offered; default 10 % of the free space, at most 50 GiB"),
  store_dir: path.optional().describe("folder of the shards; default shards in the home"),
  public_address: place
    .optional()
    .describe("where others reach this peer: TCP at this port, UDP at it and the three above it"),
  router_ports: z
    .boolean()
    .default(true)
    .describe("ask the router to open the ports, by UPnP or NAT-PMP"),
  dht: z.boolean().default(true).describe("find peers and get through routers by the swarm's DHT"),
  public_dht: z
    .union([z.boolean(), z.array(place).min(1).max(16)], {
      error: 'wanted true, false, or nodes as ["host:port"]',
    })
    .default(false)
    .describe("meet through the public DHT, whose nodes then see this peer's address and key"),
  lan: z.boolean().default(true).describe("find peers of the same network by multicast"),
  relay: z
    .boolean()
    .default(true)
    .describe("carry sessions of members that cannot reach each other, if this peer is reachable"),
  relay_limit: bytes
    .default(8 * MIB)
    .describe("bytes a second that are carried over TCP for one peer"),
  tracker: z.boolean().default(false).describe("answer who has what; `holdfast tracker` sets it"),
  upload_limit: bytes.optional().describe("bytes a second sent to peers; default no limit"),
  download_limit: bytes.optional().describe("bytes a second received; default no limit"),
  schedule: z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/, 'wanted "22:00-06:00"')
    .optional()
    .describe("hours of the day in which background work may use the network"),
  site: z.string().min(1).max(64).optional().describe("failure domain: machines of one house"),
  altruism: z.number().min(0).max(1).default(0.3).describe("0 stingy … 1 altruistic"),
  code: code.optional().describe('fixed code "k/n"; default by the number of holders'),
});

/** A read configuration. */
export type Config = z.output<typeof configSchema>;

/** Reads `config.toml`; a missing file is an empty one.
 * @throws DaemonError CONFIG_UNREADABLE | CONFIG_INVALID, with file, line and key */
export function loadConfig(file: string): Config {
  const text = readConfigText(file);
  return check(file, text, parseToml(file, text));
}

/** The configuration's keys as they stand in the file.
 * @throws DaemonError CONFIG_UNREADABLE | CONFIG_INVALID */
export function readConfigKeys(file: string): Record<string, unknown> {
  return parseToml(file, readConfigText(file));
}

/** Sets one key, or removes it when `value` is undefined, and checks the whole before it is
 * written.
 * Every other line of the file, comments included, stays as it is.
 * @param value as in TOML (`0`, `true`, `["a"]`) or a bare word, which is a text
 * @throws DaemonError CONFIG_UNREADABLE | CONFIG_INVALID; the file is then unchanged */
export function setConfigKey(file: string, key: string, value: string | undefined): void {
  if (!/^[a-z_]{1,64}$/.test(key)) {
    throw new DaemonError("CONFIG_INVALID", `configuration has no key ${JSON.stringify(key)}`, {
      hint: `keys: ${Object.keys(configSchema.shape).join(", ")}`,
    });
  }
  const before = readConfigText(file);
  const kept = before.split("\n").filter((line) => !lineSets(line, key));
  while (kept.at(-1)?.trim() === "") kept.pop();
  if (value !== undefined) kept.push(stringify({ [key]: readValue(value) }).trimEnd());
  const text = `${kept.join("\n")}\n`;
  check(file, text, parseToml(file, text));
  replaceFile(file, text);
}

type ConfigValue = string | number | boolean | readonly unknown[];

function readValue(value: string): ConfigValue {
  if (value.startsWith("[")) {
    try {
      return parse(`list = ${value}`)["list"] as readonly unknown[];
    } catch {
      // It is checked as the text that it is.
    }
  }
  if (/^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  if (value === "true" || value === "false") return value === "true";
  return value;
}

function readConfigText(file: string): string {
  try {
    return readIfThere(file) ?? "";
  } catch (cause) {
    throw new DaemonError("CONFIG_UNREADABLE", `configuration ${file}: ${messageOf(cause)}`, {
      cause,
      hint: "make the file readable for this user",
    });
  }
}

function parseToml(file: string, text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (cause) {
    const at = cause instanceof TomlError ? `, line ${cause.line}, column ${cause.column}` : "";
    const reason = messageOf(cause).split("\n", 1)[0] ?? "";
    throw new DaemonError("CONFIG_INVALID", `configuration ${file}${at}: ${lowerFirst(reason)}`, {
      cause,
      hint: `correct or remove ${file}; without it the defaults hold`,
    });
  }
}

function check(file: string, text: string, value: Record<string, unknown>): Config {
  const result = configSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const unknownKey = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const key = unknownKey ?? issue?.path.join(".") ?? "";
  const line = text.split("\n").findIndex((each) => lineSets(each, key)) + 1;
  const at = line > 0 ? `, line ${line}` : "";
  const reason =
    unknownKey === undefined
      ? lowerFirst(issue?.message ?? "is not valid")
      : "there is no such key";
  throw new DaemonError("CONFIG_INVALID", `configuration ${file}${at}: ${key}: ${reason}`, {
    hint:
      unknownKey === undefined
        ? `correct ${key} in ${file}`
        : `keys: ${Object.keys(configSchema.shape).join(", ")}`,
  });
}

function lineSets(line: string, key: string): boolean {
  return (
    key !== "" &&
    new RegExp(`^\\s*["']?${key.replace(/[^\w]/g, "\\$&")}["']?\\s*[=.\\]]`).test(line)
  );
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
