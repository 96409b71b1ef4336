import { mapBounded } from "../base/concurrency.ts";
import type { KnownPeer } from "../gateway/control.ts";
import type { Directory } from "../ports/directory.ts";
import type { PeerClient } from "../swarm/client.ts";

/** Hellos at once, and how long each may take. */
const HELLOS_MAX = 16;
const HELLO_MAX_MS = 5_000;

/** The peers of a directory, in the order of their ids.
 * @param client where it is given, each peer is asked whether it is there and what it offers */
export async function describePeers(
  directory: Directory,
  client: Pick<PeerClient, "hello"> | undefined,
  signal: AbortSignal,
): Promise<KnownPeer[]> {
  const cards = directory.peers().toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return mapBounded(cards, HELLOS_MAX, async ({ id, addresses, offeredBytes, site }) => {
    const peer = {
      id,
      addresses: [...addresses],
      offeredBytes,
      ...(site === undefined ? {} : { site }),
    };
    if (client === undefined) return peer;
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(HELLO_MAX_MS)]);
      const hello = await client.hello(id, limit);
      return { ...peer, offeredBytes: hello.offeredBytes, reachable: true };
    } catch {
      signal.throwIfAborted();
      return { ...peer, reachable: false };
    }
  });
}
