import { saveSwarmState } from "../../account/swarm-file.ts";
import { systemRandom } from "../../adapters/random.node.ts";
import { openSecrets } from "../../adapters/secrets.node.ts";
import { formatAddress } from "../../base/address.ts";
import type { PeerRole } from "../../ports/directory.ts";
import type { Net } from "../../ports/net.ts";
import { createPeerClient, type PeerClient } from "../../swarm/client.ts";
import { SwarmHome } from "../../swarm/membership/swarm-home.ts";
import { observedNet } from "../../swarm/observed-net.ts";
import { createPeerExchange, type PeerExchange } from "../../swarm/peer-exchange.ts";
import { Roster } from "../../swarm/roster.ts";
import { createTrackerDirectory } from "../../swarm/tracker/directory.ts";
import type { Closers } from "../closers.ts";
import type { ComposeParts } from "../compose.ts";
import type { Config } from "../config.ts";
import type { KnownPeers } from "../known-peers.ts";
import { pickPort } from "../listen.ts";
import { publicDhtOf } from "./lobby-net.ts";
import { ownAddresses } from "../own-addresses.ts";
import { createDirectories, type Directories } from "./directories.ts";
import { DhtHost } from "./dht-host.ts";
import { equipDht } from "./dht-parts.ts";
import { followingNet } from "./following-net.ts";
import { openPeerNet, type PeerNet } from "./open-net.ts";
import { OwnCard } from "./own-card.ts";

/** How this peer reaches others and is reached, before it serves. */
export interface ComposedReach {
  home: SwarmHome;
  known: KnownPeers;
  roster: Roster;
  dht: DhtHost;
  peerNet: PeerNet;
  /** The TCP port to serve on. */
  wantedPort: number;
  /** What this peer asks others with: it watches them, and follows the swarm's key. */
  net: Net;
  client: PeerClient;
  exchange: PeerExchange;
  /** All that says who is there and who has what. */
  directories: Directories;
  card: OwnCard;
}

/** Opens the net of a peer and what feeds it, without serving yet. */
export async function composeReach(
  parts: ComposeParts,
  known: KnownPeers,
  offeredBytes: () => number,
  closers: Closers,
): Promise<ComposedReach> {
  const { paths, keyring, config, clock, log } = parts;
  const { account, certificate, peerId: self, peer: key } = keyring;
  const { book } = known;
  const secrets = await openSecrets(paths.keys);
  const save = saveSwarmState.bind(undefined, secrets);
  const home = new SwarmHome({ state: keyring.swarm, save, clock });
  const wantedPort = await pickPort(paths, parts.wantedPort, config.port);
  const common = { key, swarmKeys: home, clock, random: systemRandom, log };
  const dht = new DhtHost({
    ...common,
    ...publicDhtOf(config),
    equip: (node) => equipDht(node, () => book.withRole("relay"), config.relay),
  });
  const admits = (peer: string): boolean => !home.isExcluded(peer);
  const peerNet = openPeerNet({
    ...common,
    directory: book,
    onTried: (peer, address, isThere) => {
      if (isThere) book.answered(peer, address);
      else book.addressFailed(peer, address);
    },
    config,
    port: wantedPort,
    dht,
    admits,
  });
  closers.add(() => peerNet.net.close());
  // After a change everybody proves anew what they know, and we do.
  home.onChange(() => peerNet.retire());
  const near = (): string[] => nearAddresses(peerNet.direct.port);
  const roles = rolesOf(config);
  const card = new OwnCard({ key, clock, site: config.site, offeredBytes, near, roles });
  const roster = new Roster(clock);
  const followed = followingNet(peerNet.net, home, log, () => clock.monotonicMs());
  const net = observedNet(followed, roster, clock, book);
  const ownCard = (): Uint8Array => card.signed();
  const exchange = createPeerExchange({ book, net, clock, random: systemRandom, log, ownCard });
  const client = createPeerClient({ net, clock, account, certificate });
  const trackers = (): string[] => book.withRole("tracker");
  const asker = { self, account, certificate };
  const tracking = createTrackerDirectory({ net, clock, trackers, ...asker });
  const directories = createDirectories(book, dht, tracking, log);
  const asking = { net, client, exchange, directories, card };
  return { home, known, roster, dht, peerNet, wantedPort, ...asking };
}

/** What this peer does for others once it can be reached. */
function rolesOf({ relay, tracker }: Pick<Config, "relay" | "tracker">): PeerRole[] {
  return [...(relay ? (["relay"] as const) : []), ...(tracker ? (["tracker"] as const) : [])];
}

/** Where this machine can be reached inside its network; a machine without one is its own. */
function nearAddresses(port: number): string[] {
  const found = ownAddresses({ port, mapped: [], proven: [] });
  return found.length > 0 ? found : [formatAddress({ host: "127.0.0.1", port })];
}
