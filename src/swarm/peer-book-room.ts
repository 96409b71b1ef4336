import type { PeerId } from "../base/id.ts";
import { PEERS_MAX, PEERS_PER_SOURCE_MAX } from "../base/limits.ts";
import { RANK, type PeerEntry } from "./peer-book-entry.ts";
import type { HintSource } from "./peer-hint.ts";

/** Makes room for one more peer of `rank` that `source` names.
 *
 * A source whose share of peers that have not answered is full displaces one of its own. In a full
 * book goes, of the peers that are known no better than the new one, one of the lowest rank; of
 * these, one of the source that named most of them; of these, one that failed, then the one that
 * was heard of longest ago. So whoever names many displaces his own.
 * @returns whether there is room now */
export function makeRoom(
  entries: Map<PeerId, PeerEntry>,
  source: HintSource,
  rank: number,
): boolean {
  if (rank === RANK.named) {
    const own = [...entries.values()].filter(
      (entry) => entry.source === source && entry.rank === RANK.named,
    );
    if (own.length >= PEERS_PER_SOURCE_MAX) return displace(entries, worstOf(own));
  }
  if (entries.size < PEERS_MAX) return true;
  const others = [...entries.values()].filter(
    (entry) => entry.rank <= Math.min(rank, RANK.answered),
  );
  const lowest = others.reduce((least, entry) => Math.min(least, entry.rank), Infinity);
  const weak = others.filter((entry) => entry.rank === lowest);
  return displace(entries, worstOf(ofLoudest(weak)));
}

function ofLoudest(entries: readonly PeerEntry[]): PeerEntry[] {
  const bySource = new Map<HintSource, PeerEntry[]>();
  for (const entry of entries) {
    const named = bySource.get(entry.source);
    if (named === undefined) bySource.set(entry.source, [entry]);
    else named.push(entry);
  }
  let loudest: PeerEntry[] = [];
  for (const named of bySource.values()) if (named.length > loudest.length) loudest = named;
  return loudest;
}

function worstOf(entries: readonly PeerEntry[]): PeerEntry | undefined {
  const heardMs = ({ answeredMs, metMs, addedMs }: PeerEntry): number =>
    answeredMs ?? metMs ?? addedMs;
  let worst: PeerEntry | undefined;
  for (const entry of entries) {
    const isWorse =
      worst === undefined ||
      entry.failureCount > worst.failureCount ||
      (entry.failureCount === worst.failureCount && heardMs(entry) < heardMs(worst));
    if (isWorse) worst = entry;
  }
  return worst;
}

function displace(entries: Map<PeerId, PeerEntry>, victim: PeerEntry | undefined): boolean {
  return victim !== undefined && entries.delete(victim.id);
}
