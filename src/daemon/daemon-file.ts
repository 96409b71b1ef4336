import { readFileSync } from "node:fs";
import type { HomePaths } from "./home.ts";

/** What a daemon says of itself in its home: `port` and `ready` once it serves. */
export interface DaemonFile {
  pid: number;
  version: string;
  port: number;
  startedAt: string;
  ready: boolean;
}

/** What the home's last daemon said of itself, or undefined where that is not to be had. */
export function readDaemonFile(paths: HomePaths): DaemonFile | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(paths.daemon, "utf8"));
    return isDaemonFile(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isDaemonFile(value: unknown): value is DaemonFile {
  if (typeof value !== "object" || value === null) return false;
  const { pid, version, port } = value as Partial<DaemonFile>;
  return Number.isSafeInteger(pid) && typeof version === "string" && typeof port === "number";
}
