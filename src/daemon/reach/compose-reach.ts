import { networkInterfaces } from "node:os";
import { saveSwarmState } from "../../account/swarm-file.ts";
import { systemRandom } from "../../adapters/random.node.ts";
import { openSecrets } from "../../adapters/secrets.node.ts";
import { formatAddress } from "../../base/address.ts";
import { messageOf } from "../../base/error.ts";
import { CARD_ADDRESSES_MAX } from "../../base/limits.ts";
import type { Database } from "../../ports/database.ts";
import type { PeerRole } from "../../ports/directory.ts";
import type { Net, PeerHandler } from "../../ports/net.ts";
import { createPeerClient, type PeerClient } from "../../swarm/client.ts";
import { createDialBack } from "../../swarm/dial-back.ts";
import { createMembership } from "../../swarm/membership/membership.ts";
import { spreadUse } from "../../swarm/membership/courier.ts";
import { SwarmHome } from "../../swarm/membership/swarm-home.ts";
import { observedNet } from "../../swarm/observed-net.ts";
import { createPeerExchange, type PeerExchange } from "../../swarm/peer-exchange.ts";
import { Roster } from "../../swarm/roster.ts";
import type { AgentSelf } from "../../swarm/tracker/agent.ts";
import { createTrackerDirectory } from "../../swarm/tracker/directory.ts";
import { openTracker } from "../../swarm/tracker/tracker.ts";
import { createPeerHandler, type PeerHandlerOptions } from "../../swarm/server.ts";
import type { Closers } from "../closers.ts";
import type { ComposeParts } from "../compose.ts";
import type { KnownPeers } from "../known-peers.ts";
import { pickPort, serveOnPort } from "../listen.ts";
import { createDirectories, type Directories } from "./directories.ts";
import { DhtHost } from "./dht-host.ts";
import { equipDht } from "./dht-parts.ts";
import { followingNet } from "./following-net.ts";
import { openPeerNet, type PeerNet } from "./open-net.ts";
import { OwnCard } from "./own-card.ts";

/** Telling others that an invitation was used may take so long. */
const TELL_MAX_MS = 20_000;

/** How this peer reaches others and is reached, before it serves. */
export interface ComposedReach {
  home: SwarmHome;
  known: KnownPeers;
  roster: Roster;
  dht: DhtHost;
  peerNet: PeerNet;
  /** What this peer asks others with: it watches them, and follows the swarm's key. */
  net: Net;
  client: PeerClient;
  exchange: PeerExchange;
  /** All that says who is there and who has what. */
  directories: Directories;
  card: OwnCard;
  /** Serves peers; resolves when it listens. */
  serve(handler: ServedParts): Promise<number>;
}

/** What peers are served from, beside what belongs to reach itself. */
export type ServedParts = Pick<PeerHandlerOptions, "holder" | "records" | "hello"> & {
  /** The holder's, for what membership counts. */
  database: Database;
  /** What the tracker speaks of; this peer is one if its configuration says so. */
  agent: AgentSelf;
};

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
  const wanted = await pickPort(paths, parts.wantedPort, config.port);
  const roles: PeerRole[] = [
    ...(config.relay ? (["relay"] as const) : []),
    ...(config.tracker ? (["tracker"] as const) : []),
  ];
  const near = (): string[] => nearAddresses(peerNet.direct.port);
  const card = new OwnCard({ key, clock, site: config.site, offeredBytes, near, roles });
  const dht = new DhtHost({
    key,
    swarmKeys: home,
    clock,
    random: systemRandom,
    log,
    publicDht: config.public_dht,
    equip: (node) => equipDht(node, () => book.withRole("relay"), config.relay),
  });
  const admits = (peer: string): boolean => !home.isExcluded(peer);
  const common = { key, swarmKeys: home, directory: book, clock, log, config };
  const peerNet = openPeerNet({ ...common, port: wanted, dht, admits });
  closers.add(() => peerNet.net.close());
  // After a change everybody proves anew what they know, and we do.
  home.onChange(() => peerNet.net.retire());
  const roster = new Roster(clock);
  const followed = followingNet(peerNet.net, home, log, () => clock.monotonicMs());
  const net = observedNet(followed, roster, clock, book);
  const ownCard = (): Uint8Array => card.signed();
  const exchange = createPeerExchange({ book, net, clock, random: systemRandom, log, ownCard });
  const client = createPeerClient({ net, clock, account, certificate });
  const trackers = createTrackerDirectory({
    net,
    clock,
    trackers: () => book.withRole("tracker"),
    self,
    account,
    certificate,
  });
  const directories = createDirectories(book, dht, trackers, log);

  const serve = ({ database, agent, ...served }: ServedParts): Promise<number> => {
    const membership = createMembership({
      home,
      root: keyring.root,
      database,
      clock,
      announceUse: (report) => {
        const others = book.peers().map(({ id }) => id);
        spreadUse(net, others, report, AbortSignal.timeout(TELL_MAX_MS)).catch((error: unknown) =>
          log.write("debug", "swarm.use", { why: messageOf(error) }),
        );
      },
    });
    const dialBack = createDialBack({
      clock,
      dialDirect: async (peer, address, signal) => {
        const socket = await peerNet.direct.dialAt(address, peer, signal);
        socket.destroy();
      },
    });
    const handler = createPeerHandler({
      ...served,
      clock,
      log,
      cards: () => exchange.cards(),
      takeCard: (peer, bytes) => exchange.take(peer, bytes),
      dialBack,
      membership,
    });
    const tracker = config.tracker
      ? openTracker({ self, clock, random: systemRandom, log, local: agent })
      : undefined;
    if (tracker === undefined) return serveOnPort(net, handler, undefined, wanted, paths);
    closers.add(() => tracker.close());
    const either: PeerHandler = (request) =>
      tracker.serves(request.path) ? tracker.handle(request) : handler(request);
    return serveOnPort(net, either, tracker.streams, wanted, paths);
  };
  return { home, known, roster, dht, peerNet, net, client, exchange, directories, card, serve };
}

/** Where this machine can be reached inside its network; a machine without one is its own. */
function nearAddresses(port: number): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outer = all.filter(({ internal, address }) => !internal && !address.startsWith("fe80:"));
  const used = outer.length > 0 ? outer : all.filter(({ family }) => family === "IPv4");
  return used
    .map(({ address }) => formatAddress({ host: address, port }))
    .slice(0, CARD_ADDRESSES_MAX);
}
