import { readIfThere, replaceFile } from "../../daemon/atomic-file.ts";
import { join } from "node:path";
import { CliError } from "../error.ts";

/** One daemon of a demo. */
export interface DemoPeer {
  name: string;
  id: string;
  pid: number;
  home: string;
  port: number;
  /** When the process started: `startOf(pid)`. */
  start: string;
}

/** What a demo writes of itself into its folder, so that `demo stop` ends exactly that. */
export interface DemoRecord {
  version: 1;
  /** Whether the demo made the folder. */
  made: boolean;
  owner: DemoPeer | undefined;
  peers: DemoPeer[];
}

/** The file of a demo's folder. */
export function recordFile(dir: string): string {
  return join(dir, "demo.json");
}

/** Writes the record. */
export function writeRecord(dir: string, record: DemoRecord): void {
  replaceFile(recordFile(dir), `${JSON.stringify(record, null, 1)}\n`);
}

/** Reads the record of a folder, or undefined where no demo lies there.
 * @throws CliError DEMO_UNKNOWN for a file that is none */
export function readRecord(dir: string): DemoRecord | undefined {
  const text = readIfThere(recordFile(dir));
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as DemoRecord;
    if (value.version === 1 && Array.isArray(value.peers)) return value;
  } catch {
    // Told below.
  }
  throw new CliError("DEMO_UNKNOWN", `${recordFile(dir)} is no record of a demo`, {
    hint: "give the folder of a demo with --dir",
  });
}
