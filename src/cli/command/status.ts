import type { Command } from "commander";
import type { About } from "../../gateway/control.ts";
import type { HolderUsage } from "../../shards/holder.ts";
import type { VolumeStatus } from "../../volume/service.ts";
import { counted, formatBytes, formatTable } from "../format.ts";
import { openSession } from "../session.ts";

type Status = About & VolumeStatus & { holder: HolderUsage };

/** `status`: is everything safe? It never starts a daemon. */
export function configure(command: Command): void {
  command.addHelpText("after", "\nExample:\n  holdfast status --json").action(async () => {
    const session = openSession(command);
    const status = await session.askRunning<Status>("GET", "/v1/status");
    session.say(describe(status));
    session.result(status);
  });
}

function describe(status: Status): string {
  const { k, n, r } = status.redundancy;
  const { holder, packs, peers } = status;
  const code =
    n === 0 || peers.usable === 0
      ? "kept on this machine until peers can be reached"
      : `any ${k} of ${n} shards give a pack back (repair at ${r})`;
  const kept = `${counted(holder.shards, "shard")}, ${formatBytes(holder.bytes)} of ${formatBytes(holder.spaceBytes)}`;
  const spread = `${packs.full} full, ${packs.partial} partial, ${packs.local} only here; ${formatBytes(status.packBytes)}`;
  const rows = [
    ["safe", status.safe ? "yes" : "not yet"],
    ...status.reasons.map((reason) => ["", reason]),
    ["redundancy", code],
    ["peers", `${peers.usable} usable of ${peers.known} known`],
    ["packs", spread],
    ["snapshot", String(status.snapshot)],
    ["for others", kept],
    ["peer", status.peer],
    ["account", status.account],
    ["daemon", `version ${status.version}, pid ${status.pid}, port ${status.port}`],
    ["home", status.home],
  ];
  return formatTable(rows);
}
