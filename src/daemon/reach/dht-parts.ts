import { Acceptor } from "../../adapters/dht/acceptor.ts";
import { createPunchedCarrier, createRelayedCarrier } from "../../adapters/dht/carrier.ts";
import { DhtDirectory } from "../../adapters/dht/directory.ts";
import type { DhtNode } from "../../adapters/dht/node.ts";
import { openUdpRelay } from "../../adapters/dht/relay.ts";
import type { Carrier, Session } from "../../adapters/net/carrier.ts";
import type { PeerId } from "../../base/id.ts";

/** A DHT node and what runs on it. */
export interface DhtParts {
  readonly node: DhtNode;
  readonly punched: Carrier;
  readonly relayed: Carrier;
  readonly directory: DhtDirectory;
  /** Takes sessions of both carriers in, relays for others where it should, and says again and
   * again that this peer is in the swarm. */
  listen(take: (session: Session) => void): Promise<void>;
  close(): Promise<void>;
}

/** Makes what runs on a node.
 * @param relays peers that carry sessions for others
 * @param relayForOthers whether this one does, being reachable */
export function equipDht(
  node: DhtNode,
  relays: () => readonly PeerId[],
  relayForOthers: boolean,
): DhtParts {
  const acceptor = new Acceptor(node);
  const punched = createPunchedCarrier(node, acceptor);
  const relayed = createRelayedCarrier(node, acceptor, { relays });
  const directory = new DhtDirectory(node);
  const closing = new AbortController();
  return {
    node,
    punched,
    relayed,
    directory,
    async listen(take) {
      await Promise.all([punched.listen(take), relayed.listen(take)]);
      if (relayForOthers && node.options.isPublic && node.options.publicDht === undefined) {
        await openUdpRelay(node, acceptor);
      }
      void directory.announceMember(closing.signal);
    },
    async close() {
      closing.abort();
      await Promise.all([punched.close(), relayed.close()]);
      await node.close();
    },
  };
}
