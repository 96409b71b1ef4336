import type { GetSummary } from "../volume/service.ts";
import { counted, formatBytes } from "./format.ts";

/** What a get has done, in a line or a few. */
export function describeGet(summary: GetSummary, target: string): string {
  const what = `${counted(summary.files, "file")}, ${formatBytes(summary.bytes)}`;
  const bad = summary.badPeers.map((peer) => `peer ${peer} returned wrong bytes\n`).join("");
  const repaired =
    summary.repairedShards > 0 ? `${counted(summary.repairedShards, "shard")} made anew\n` : "";
  return `fetched ${what} to ${target}\n${bad}${repaired}`;
}
