import { mapBounded } from "../base/concurrency.ts";
import type { PeerId } from "../base/id.ts";
import type { KnownPeer } from "../gateway/control.ts";
import type { PeerDetail } from "../gateway/reach.ts";
import type { Directory } from "../ports/directory.ts";
import type { PeerClient } from "../swarm/client.ts";

/** Hellos at once, and how long each may take. */
const HELLOS_MAX = 16;
const HELLO_MAX_MS = 5_000;

/** What is known of a peer beside its card; looked up after it was asked. */
export type DetailOf = (peer: PeerId) => PeerDetail;

/** The peers of a directory, in the order of their ids.
 * @param client where it is given, each peer is asked whether it is there and what it offers, and
 * again how long an answer takes on the session that is open then */
export async function describePeers(
  directory: Directory,
  client: Pick<PeerClient, "hello"> | undefined,
  signal: AbortSignal,
  detailOf: DetailOf = nothingKnown,
): Promise<KnownPeer[]> {
  const cards = directory.peers().toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return mapBounded(cards, HELLOS_MAX, async ({ id, addresses, offeredBytes, site, roles }) => {
    const describe = (): KnownPeer => ({
      id,
      addresses: [...addresses],
      offeredBytes,
      ...(site === undefined ? {} : { site }),
      ...detailOf(id),
      roles: [...(roles ?? [])],
    });
    if (client === undefined) return describe();
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(HELLO_MAX_MS)]);
      const hello = await client.hello(id, limit);
      const startedMs = performance.now();
      await client.hello(id, limit);
      const roundTripMs = Math.round((performance.now() - startedMs) * 10) / 10;
      return { ...describe(), offeredBytes: hello.offeredBytes, reachable: true, roundTripMs };
    } catch {
      signal.throwIfAborted();
      return { ...describe(), reachable: false };
    }
  });
}

function nothingKnown(): PeerDetail {
  return { holdsForMeBytes: 0, holdForItBytes: 0, roles: [], source: "by hand" };
}
