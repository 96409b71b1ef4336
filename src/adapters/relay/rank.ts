import { compareBytes, concatBytes } from "../../base/bytes.ts";
import { idBytes, type PeerId } from "../../base/id.ts";
import { PEERS_MAX } from "../../base/limits.ts";
import { hash } from "../../crypto/hash.node.ts";
import { RELAY_CANDIDATES_MAX } from "./limits.ts";

/** Relays in the order in which `home` prefers to wait at them. A dialler that knows about the same
 * relays gets the same order, so that the two meet without having spoken: rendezvous hashing, which
 * spreads homes evenly over relays too. */
export function rankRelays(relays: readonly PeerId[], home: PeerId): PeerId[] {
  const own = idBytes(home);
  return relays
    .slice(0, PEERS_MAX)
    .map((relay) => ({ relay, rank: hash(concatBytes(own, idBytes(relay))) }))
    .toSorted((a, b) => compareBytes(a.rank, b.rank))
    .slice(0, RELAY_CANDIDATES_MAX)
    .map(({ relay }) => relay);
}
