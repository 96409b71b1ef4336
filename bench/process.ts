import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;

/** User and system CPU seconds of a living process so far, its threads and ended children included.
 * 0 where it is gone. @see proc(5) */
export function cpuSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // Fields 14 to 17 of the manual's list: utime, stime, cutime, cstime.
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return ticks / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

/** The most memory that a process had resident since `forgetPeak`, in MiB. */
export function peakRssMib(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+)/mu.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

export interface Finished {
  seconds: number;
  stdout: string;
}

/** Runs a command to its end.
 * @throws Error with its standard error when it fails */
export async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const started = performance.now();
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const seconds = (performance.now() - started) / 1000;
  if (status !== 0) {
    throw new Error(`${command} ${args.join(" ")}: ${Buffer.concat(err).toString("utf8")}`);
  }
  return { seconds, stdout: Buffer.concat(out).toString("utf8") };
}

/** Whether a command is there to be run. */
export async function hasCommand(command: string): Promise<boolean> {
  try {
    await run(command, ["version"]);
    return true;
  } catch {
    return false;
  }
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >>> 1] ?? Number.NaN;
}
