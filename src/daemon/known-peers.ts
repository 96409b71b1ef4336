import type { PeerId } from "../base/id.ts";
import { HoldfastError } from "../base/error.ts";
import type { Directory, PeerCard } from "../ports/directory.ts";
import { createMemoryDirectory, formatPeerList, parsePeerList } from "../swarm/peer-list.ts";
import { readIfThere, replaceFile } from "./atomic-file.ts";
import { DaemonError } from "./error.ts";

/** The list of the known peers: a directory, kept in a file. */
export interface KnownPeers {
  directory: Directory;
  /** Adds peers, or replaces what was known of them, and writes the file. This peer itself is left
   * out. */
  add(cards: readonly PeerCard[]): void;
}

/** Opens the peer list at `file`; a missing one is empty.
 * @throws DaemonError PEER_LIST_REFUSED, naming file and entry; the file is then untouched */
export function openKnownPeers(file: string, self: PeerId): KnownPeers {
  const directory = createMemoryDirectory(read(file).filter((card) => card.id !== self));
  return {
    directory,
    add(cards) {
      for (const card of cards) if (card.id !== self) directory.add(card);
      const text = formatPeerList(directory.peers());
      // What is written can be read again at the next start.
      parsePeerList(text);
      replaceFile(file, text);
    },
  };
}

function read(file: string): PeerCard[] {
  const text = readIfThere(file);
  if (text === undefined) return [];
  try {
    return parsePeerList(text);
  } catch (cause) {
    if (!(cause instanceof HoldfastError)) throw cause;
    throw new DaemonError("PEER_LIST_REFUSED", `${file}: ${cause.message}`, {
      cause,
      hint: `correct ${file} or move it away; \`holdfast peers add\` writes it anew`,
    });
  }
}
