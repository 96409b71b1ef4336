import { CliError } from "./error.ts";

const UNITS_MS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

/** A span of time as a user writes it: `30m`, `12h`, `7d`, `2w`; milliseconds.
 * @param option whose value it is, for the message
 * @throws CliError USAGE */
export function parseSpan(text: string, option: string): number {
  const match = /^(\d{1,6})([mhdw])$/.exec(text);
  const unitMs = UNITS_MS[match?.[2] ?? ""];
  if (match === null || unitMs === undefined) {
    throw new CliError("USAGE", `${option} ${JSON.stringify(text)}: wanted a time as 12h or 7d`, {
      hint: "m is minutes, h hours, d days, w weeks",
    });
  }
  return Number(match[1]) * unitMs;
}
