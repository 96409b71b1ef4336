import type { Clock } from "../ports/clock.ts";
import { createInventory } from "../shards/inventory.ts";
import type { Hello } from "../swarm/routes/route.ts";
import { createSwarm } from "../swarm/swarm.ts";
import { createTicketDesk, type AgentSelf } from "../swarm/tracker/agent.ts";
import { createClosers } from "./closers.ts";
import type { Closers } from "./closers.ts";
import { composeHolder } from "./compose-holder.ts";
import { composeVolume } from "./compose-volume.ts";
import type { ComposedPeer } from "./composed-peer.ts";
import type { Config } from "./config.ts";
import { openKnownPeers } from "./known-peers.ts";
import { keepAnnouncing } from "./reach/announcing.ts";
import { composeReach } from "./reach/compose-reach.ts";
import { createReach } from "./reach/reach.ts";
import { serveReach } from "./reach/serve-reach.ts";
import { runReach } from "./reach/run-reach.ts";
import type { StartParts } from "./start.ts";
import { VERSION } from "./version.ts";

/** What a peer is made of. */
export interface ComposeParts extends StartParts {
  config: Config;
  clock: Clock;
}

const PROTOCOL = 1;
/** The settings that are read and checked, and that nothing obeys yet. */
const NOT_YET = ["upload_limit", "download_limit", "schedule"] as const;

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
  const self = keyring.peerId;
  const file = config.peer_list ?? paths.peerList;
  const known = openKnownPeers({ file, self, clock, log });
  closers.add(() => known.close());
  const { holder, records, database } = await composeHolder(parts, closers);

  const reach = await composeReach(parts, known, () => holder.usage().spaceBytes, closers);
  const { client, roster } = reach;
  const { directories: directory } = reach;
  const isPresent = (peer: string): boolean => known.book.isPresent(peer);
  const swarm = createSwarm({ self, client, directory, clock, roster, isPresent });
  const usablePeers = (): string[] =>
    directory.peers().flatMap(({ id }) => (roster.backsOff(id) ? [] : [id]));
  const { volume, holdings } = await composeVolume({ ...parts, swarm, usablePeers, closers });

  const freeBytes = (): number => {
    const { bytes, spaceBytes } = holder.usage();
    return Math.max(0, spaceBytes - bytes);
  };
  const agent: AgentSelf = {
    card: () => reach.card.signed(),
    freeBytes,
    inventory: createInventory(database),
    introduce: createTicketDesk(holder, clock),
  };
  const hello = (): Hello => ({
    protocol: PROTOCOL,
    version: VERSION,
    offeredBytes: holder.usage().spaceBytes,
    freeBytes: freeBytes(),
    timeMs: Math.floor(clock.nowMs()),
  });
  const served = { holder, records, database, agent, hello };
  const port = await serveReach(reach, parts, served, closers);
  const running = runReach(reach, parts, agent, closers);
  const keys = records.keys.bind(records);
  void keepAnnouncing({ directory, keys, clock, log }, running.signal);
  return {
    port,
    volume,
    scrub: (signal) => holder.scrub(signal),
    usage: () => holder.usage(),
    reach: createReach({
      reach,
      running,
      parts,
      holdings: async (signal) => ({
        holdsForMe: await holdings(signal),
        holdForIt: holder.heldForPeers(),
      }),
      usage: () => holder.usage(),
    }),
    addPeers: (cards) => running.addByHand(cards),
    close: () => closers.close(),
  };
}
