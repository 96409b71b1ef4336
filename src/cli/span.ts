import { CliError } from "./error.ts";

const DAY_MS = 86_400_000;
const UNITS_MS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: DAY_MS,
  w: 7 * DAY_MS,
};

/** A span of time as a user writes it: `30m`, `12h`, `7d`, `2w`; milliseconds.
 * @param option whose value it is, for the message
 * @param range the least and the most, this in whole days
 * @throws CliError USAGE */
export function parseSpan(text: string, option: string, range: readonly [number, number]): number {
  const match = /^(\d{1,6})([mhdw])$/.exec(text);
  const unitMs = UNITS_MS[match?.[2] ?? ""];
  if (match === null || unitMs === undefined) {
    throw new CliError("USAGE", `${option} ${JSON.stringify(text)}: wanted a time as 12h or 7d`, {
      hint: "m is minutes, h hours, d days, w weeks",
    });
  }
  const spanMs = Number(match[1]) * unitMs;
  const [minMs, maxMs] = range;
  if (spanMs >= minMs && spanMs <= maxMs) return spanMs;
  const wanted = spanMs < minMs ? "more than nothing" : `at most ${maxMs / DAY_MS}d`;
  throw new CliError("USAGE", `${option} ${text}: wanted ${wanted}`);
}
