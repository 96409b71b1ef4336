import { networkInterfaces } from "node:os";
import { systemRandom } from "../adapters/random.node.ts";
import { openTlsNet } from "../adapters/tls/net.ts";
import { formatAddress } from "../base/address.ts";
import { CARD_ADDRESSES_MAX } from "../base/limits.ts";
import type { Clock } from "../ports/clock.ts";
import type { PeerHandler } from "../ports/net.ts";
import type { HolderStore } from "../shards/holder.ts";
import { CardBook, signCard } from "../swarm/card-book.ts";
import { createPeerClient } from "../swarm/client.ts";
import { observedNet } from "../swarm/observed-net.ts";
import type { RecordStore } from "../swarm/records.ts";
import { Roster } from "../swarm/roster.ts";
import { createPeerHandler } from "../swarm/server.ts";
import { createSwarm } from "../swarm/swarm.ts";
import { fixedSwarmKeys } from "../ports/swarm-keys.ts";
import { createClosers } from "./closers.ts";
import type { Closers } from "./closers.ts";
import { composeHolder } from "./compose-holder.ts";
import { composeVolume } from "./compose-volume.ts";
import type { ComposedPeer } from "./composed-peer.ts";
import type { Config } from "./config.ts";
import { openKnownPeers } from "./known-peers.ts";
import { pickPort, serveOnPort } from "./listen.ts";
import { describePeers } from "./presence.ts";
import type { StartParts } from "./start.ts";
import { VERSION } from "./version.ts";

/** What a peer is made of. */
export interface ComposeParts extends StartParts {
  config: Config;
  clock: Clock;
}

const PROTOCOL = 1;
/** The settings that are read and checked, and that nothing obeys yet. */
const NOT_YET = ["upload_limit", "download_limit", "schedule", "public_address"] as const;

/** Opens and wires all parts of a peer; when it resolves, other peers are served.
 * @throws the coded error of the part that did not open; the others are closed again */
export async function composePeer(parts: ComposeParts): Promise<ComposedPeer> {
  for (const key of NOT_YET) {
    if (parts.config[key] !== undefined) parts.log.write("warn", "config.not-yet", { key });
  }
  const closers = createClosers();
  try {
    return await compose(parts, closers);
  } catch (error) {
    await closers.close();
    throw error;
  }
}

async function compose(parts: ComposeParts, closers: Closers): Promise<ComposedPeer> {
  const { paths, keyring, config, clock, log } = parts;
  const { account, certificate, peerId: self, peer: key, swarmKey } = keyring;
  const known = openKnownPeers(config.peer_list ?? paths.peerList, self);
  const { directory } = known;
  const { holder, records } = await composeHolder(parts, closers);

  const wanted = await pickPort(paths, parts.wantedPort, config.port);
  const roster = new Roster(clock);
  const swarmKeys = fixedSwarmKeys(swarmKey);
  const tls = { key, swarmKeys, directory, clock, random: systemRandom, log, port: wanted };
  const net = observedNet(openTlsNet(tls), roster, clock);
  closers.add(() => net.close());
  const client = createPeerClient({ net, clock, account, certificate });
  const swarm = createSwarm({ self, client, directory, roster });
  const usablePeers = (): string[] =>
    directory.peers().flatMap(({ id }) => (roster.backsOff(id) ? [] : [id]));
  const volume = await composeVolume({ ...parts, swarm, usablePeers, closers });

  const book = new CardBook();
  const port = await serveOnPort(net, peerHandler(parts, holder, records, book), wanted, paths);
  const { site } = config;
  const offeredBytes = holder.usage().spaceBytes;
  const card = {
    id: self,
    addresses: ownAddresses(port),
    offeredBytes,
    protocol: PROTOCOL,
  } as const;
  book.add(
    signCard(key, { ...card, timeMs: clock.nowMs(), ...(site === undefined ? {} : { site }) }),
  );
  return {
    port,
    volume,
    scrub: (signal) => holder.scrub(signal),
    usage: () => holder.usage(),
    peers: (probe, signal) => describePeers(directory, probe ? client : undefined, signal),
    addPeers: (cards) => known.add(cards),
    close: () => closers.close(),
  };
}

function peerHandler(
  parts: ComposeParts,
  holder: HolderStore,
  records: RecordStore,
  book: CardBook,
): PeerHandler {
  const { clock, log } = parts;
  return createPeerHandler({
    holder,
    records,
    clock,
    log,
    hello: () => {
      const { bytes, spaceBytes } = holder.usage();
      const freeBytes = Math.max(0, spaceBytes - bytes);
      return { protocol: PROTOCOL, version: VERSION, offeredBytes: spaceBytes, freeBytes };
    },
    cards: () => book.cards(),
  });
}

/** Where this machine can be reached inside its network. */
function ownAddresses(port: number): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
    .map(({ address }) => formatAddress({ host: address, port }))
    .slice(0, CARD_ADDRESSES_MAX);
}
