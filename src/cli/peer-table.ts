import type { KnownPeer } from "../gateway/control.ts";
import { formatBytes, formatDuration, formatTable, printable } from "./format.ts";
import { shortId } from "./peer-name.ts";

const HEAD = [
  "PEER",
  "SITE",
  "STATE",
  "CARRIER",
  "ROUND TRIP",
  "RATE",
  "OFFERS",
  "HOLDS FOR ME",
  "I HOLD",
  "ROLES",
  "ADDRESS",
];
/** Columns of numbers. */
const RIGHT = [4, 5, 6, 7, 8];
const UNKNOWN = "-";

/** The known peers as a table; every cell has something, so that scripts can count columns. */
export function describePeers(peers: readonly KnownPeer[]): string {
  if (peers.length === 0) return "no peers are known: `holdfast invite`, or `holdfast join`\n";
  return formatTable([HEAD, ...peers.map(rowOf)], RIGHT);
}

function rowOf(peer: KnownPeer): string[] {
  const { reachable, roundTripMs, bytesPerSecond, site, carrier } = peer;
  const state = { true: "there", false: "away", undefined: UNKNOWN }[`${reachable}` as const];
  const held = (bytes: number): string => (bytes === 0 ? UNKNOWN : formatBytes(bytes));
  return [
    shortId(peer.id),
    site === undefined ? UNKNOWN : printable(site).replace(/\s/g, "_"),
    state,
    carrier ?? UNKNOWN,
    roundTripMs === undefined ? UNKNOWN : formatDuration(roundTripMs),
    bytesPerSecond === undefined ? UNKNOWN : `${formatBytes(bytesPerSecond)}/s`,
    // One that was added by hand counts as offering a byte until it was asked.
    peer.offeredBytes > 1 ? formatBytes(peer.offeredBytes) : "?",
    held(peer.holdsForMeBytes),
    held(peer.holdForItBytes),
    peer.roles.join(",") || UNKNOWN,
    peer.addresses.map(printable).join(" ") || UNKNOWN,
  ];
}
