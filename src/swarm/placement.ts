import { concatBytes, compareBytes } from "../base/bytes.ts";
import { idBytes, type Id, type PeerId, type ShardId } from "../base/id.ts";
import { hash } from "../crypto/hash.node.ts";

/** A stripe's code: any `k` of its `n` shards give it back; with `r` live ones it is repaired. */
export interface CodeChoice {
  k: number;
  r: number;
  n: number;
}

/** From how many usable holders on which code is used. Reed-Solomon of `k` data shards; the
 * probabilities of loss that it was chosen by are in docs/format/stripe.md. */
const CODES: readonly (CodeChoice & { holders: number })[] = [
  { holders: 40, k: 16, r: 31, n: 35 },
  { holders: 20, k: 8, r: 17, n: 19 },
  { holders: 15, k: 6, r: 12, n: 14 },
  { holders: 12, k: 5, r: 10, n: 11 },
  { holders: 10, k: 4, r: 8, n: 9 },
  { holders: 9, k: 3, r: 7, n: 8 },
  { holders: 8, k: 3, r: 6, n: 7 },
  { holders: 6, k: 2, r: 5, n: 6 },
  { holders: 5, k: 2, r: 4, n: 5 },
  { holders: 4, k: 2, r: 3, n: 4 },
  { holders: 3, k: 1, r: 2, n: 3 },
  { holders: 2, k: 1, r: 1, n: 2 },
  { holders: 1, k: 1, r: 1, n: 1 },
];

/** The default code for a number of usable holders other than oneself; undefined where there is
 * nobody: then the pack stays at home. */
export function codeFor(holders: number): CodeChoice | undefined {
  const found = CODES.find((code) => holders >= code.holders);
  return found === undefined ? undefined : { k: found.k, r: found.r, n: found.n };
}

/** How many peers keep a record: enough that one is left when any `n - k` holders are gone. */
export function keeperCount(code: { k: number; n: number }): number {
  return Math.max(5, code.n - code.k + 3);
}

/** The keepers of a record: the `count` peers whose ids are closest to its key by XOR, the closest
 * first; all of them where there are fewer. */
export function keepersOf(key: Id, peers: readonly PeerId[], count: number): PeerId[] {
  const target = idBytes(key);
  return peers
    .map((peer) => ({ peer, distance: idBytes(peer).map((byte, i) => byte ^ (target[i] ?? 0)) }))
    .sort((a, b) => compareBytes(a.distance, b.distance))
    .slice(0, count)
    .map(({ peer }) => peer);
}

/** Holders in the order in which a stripe tries them: rendezvous hashing, a function of its ids and
 * the holders alone, so that a put which is run again finds its shards where it left them,
 * and a holder that joins or leaves moves nothing but its own share. */
export function rankHolders(shards: readonly ShardId[], holders: readonly PeerId[]): PeerId[] {
  const seed = hash(concatBytes(...shards.map(idBytes)));
  return scored(seed, holders)
    .sort((a, b) => a.score - b.score)
    .map(({ peer }) => peer);
}

/** A peer that may hold a shard. */
export interface Candidate {
  id: PeerId;
  freeBytes: number;
  /** Failure domain: peers of one site count once while there are others. */
  site?: string;
}

/** Chooses holders for the `n` shards of a stripe: distinct peers, likelier where more is free, one
 * of each site before a second of any. The same seed and candidates give the same holders.
 * @param shardBytes what each must have room for
 * @returns at most `n` peers; fewer where there are not enough */
export function placeShards(
  n: number,
  candidates: readonly Candidate[],
  shardBytes: number,
  seed: Uint8Array,
): PeerId[] {
  const roomy = candidates.filter(({ freeBytes }) => freeBytes >= Math.max(1, shardBytes));
  const byId = new Map(roomy.map((candidate) => [candidate.id, candidate]));
  // Weighted rendezvous hashing: -ln(u) / weight is smallest in proportion to the weight.
  const order = scored(seed, [...byId.keys()])
    .map(({ peer, score }) => ({ peer, cost: -Math.log(score) / (byId.get(peer)?.freeBytes ?? 1) }))
    .sort((a, b) => a.cost - b.cost)
    .map(({ peer }) => peer);
  const sites = new Set<string>();
  const first: PeerId[] = [];
  const second: PeerId[] = [];
  for (const peer of order) {
    const site = byId.get(peer)?.site;
    if (site !== undefined && sites.has(site)) second.push(peer);
    else first.push(peer);
    if (site !== undefined) sites.add(site);
  }
  return [...first, ...second].slice(0, n);
}

/** Each peer with a number in (0, 1) that depends on it and the seed alone. */
function scored(seed: Uint8Array, peers: readonly PeerId[]): { peer: PeerId; score: number }[] {
  return peers.map((peer) => {
    const digest = hash(concatBytes(seed, idBytes(peer)));
    const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
    const bits = Number(view.getBigUint64(0, true) >> 11n);
    return { peer, score: (bits + 0.5) / 2 ** 53 };
  });
}
