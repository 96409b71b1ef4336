import { messageOf } from "../../base/error.ts";
import type { Id, PeerId } from "../../base/id.ts";
import { PEERS_PAGE_MAX } from "../../base/limits.ts";
import type { Directory } from "../../ports/directory.ts";
import type { Log } from "../../ports/log.ts";
import type { PeerBook } from "../../swarm/peer-book.ts";
import type { TrackerDirectory } from "../../swarm/tracker/directory.ts";
import type { DhtHost } from "./dht-host.ts";

/** Peers that one look-up names. */
const FOUND_MAX = 64;

/** The book, the DHT and the trackers as one directory. Each of them can lie or be silent without
 * harm beyond delay. */
export interface Directories extends Directory {
  /** Asks the DHT and the trackers who is in the swarm; what they say goes into the book. */
  askAround(signal: AbortSignal): Promise<void>;
}

/** Puts directories together. */
export function createDirectories(
  book: PeerBook,
  dht: DhtHost,
  trackers: TrackerDirectory,
  log: Log,
): Directories {
  const orNobody = async <Item>(asked: Promise<readonly Item[]> | undefined): Promise<Item[]> => {
    try {
      return [...((await asked) ?? [])];
    } catch (error) {
      log.write("debug", "directory.failed", { why: messageOf(error) });
      return [];
    }
  };
  return {
    peers: () => book.peers(),
    find: (peer) => book.find(peer),
    async lookup(topic: Id, signal: AbortSignal): Promise<readonly PeerId[]> {
      const [announced, holders] = await Promise.all([
        orNobody(dht.parts?.directory.lookup(topic, signal)),
        orNobody(trackers.whoHas(topic, signal)),
      ]);
      signal.throwIfAborted();
      const holderHints = holders.map(({ peer, address }) => ({ peer, address }));
      book.addHints("dht", [...announced.map((peer) => ({ peer })), ...holderHints]);
      return [...new Set([...holders.map(({ peer }) => peer), ...announced])].slice(0, FOUND_MAX);
    },
    async announce(topic, signal) {
      await dht.parts?.directory.announce(topic, signal);
    },
    async askAround(signal) {
      const [members, agents] = await Promise.all([
        orNobody(dht.parts?.directory.members(signal)),
        orNobody(trackers.peers(PEERS_PAGE_MAX, signal)),
      ]);
      book.addHints(
        "dht",
        members.map((peer) => ({ peer })),
      );
      const [tracker] = book.withRole("tracker");
      if (tracker === undefined) return;
      for (const { bytes } of agents) {
        try {
          book.addCard(bytes, `tracker:${tracker}`);
        } catch (error) {
          log.write("debug", "directory.card", { why: messageOf(error) });
        }
      }
    },
  };
}
