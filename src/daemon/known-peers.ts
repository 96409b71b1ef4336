import { HoldfastError } from "../base/error.ts";
import type { PeerId } from "../base/id.ts";
import type { Clock } from "../ports/clock.ts";
import type { PeerCard } from "../ports/directory.ts";
import type { Log } from "../ports/log.ts";
import { openCard } from "../swarm/card-book.ts";
import { PeerBook } from "../swarm/peer-book.ts";
import { formatPeerList, parsePeerList, type ListedPeer } from "../swarm/peer-list.ts";
import { readIfThere, replaceFile } from "./atomic-file.ts";
import { DaemonError } from "./error.ts";

/** What was learned within so long is written at once. */
const SAVE_DELAY_MS = 1_000;

/** What this peer knows of others, kept in a file. */
export interface KnownPeers {
  book: PeerBook;
  /** Adds peers by hand, or replaces what the user said of them, and writes the file. This peer
   * itself is left out. */
  add(cards: readonly PeerCard[]): void;
  /** Writes at once what is not written yet. */
  flush(): void;
  /** Writes what is not written yet, and ends. */
  close(): Promise<void>;
}

/** What the list of known peers needs. */
export interface KnownPeersOptions {
  file: string;
  self: PeerId;
  clock: Clock;
  log: Log;
}

/** Opens the peer list; a missing one is empty. From then on it is written a moment after
 * something worth keeping was learned, so that a peer finds others again when every directory is
 * gone.
 * @throws DaemonError PEER_LIST_REFUSED, naming file and entry; the file is then untouched */
export function openKnownPeers(options: KnownPeersOptions): KnownPeers {
  const { file, self, clock, log } = options;
  const book = new PeerBook({ self, clock });
  book.restore(read(file).filter(({ id }) => id !== self));
  const ending = new AbortController();
  let saving: Promise<void> | undefined;
  let isUnsaved = false;
  const save = (): void => {
    isUnsaved = false;
    const text = formatPeerList(book.toKeep());
    // What is written can be read again at the next start.
    parsePeerList(text);
    replaceFile(file, text);
  };
  const trySave = (): void => {
    if (!isUnsaved) return;
    try {
      save();
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      // The next change tries again; a full disk must not stop a peer.
      log.write("warn", "peer-list.unwritten", { why: error.message });
    }
  };
  const stop = book.onChange(() => {
    isUnsaved = true;
    saving ??= clock
      .sleep(SAVE_DELAY_MS, ending.signal)
      .catch(() => undefined)
      .then(() => {
        saving = undefined;
        trySave();
      });
  });
  return {
    book,
    add(cards) {
      const refused = cards.find((card) => card.id !== self && !book.addByHand(card));
      if (refused !== undefined) {
        throw new DaemonError("PEER_LIST_FULL", `peer ${refused.id}: the peer list is full`, {
          hint: `remove peers from ${file} while the peer is stopped`,
        });
      }
      save();
    },
    flush: trySave,
    async close() {
      stop();
      ending.abort();
      await saving;
      trySave();
    },
  };
}

function read(file: string): ListedPeer[] {
  const text = readIfThere(file);
  if (text === undefined) return [];
  try {
    return parsePeerList(text).map(checkCard);
  } catch (cause) {
    if (!(cause instanceof HoldfastError)) throw cause;
    throw new DaemonError("PEER_LIST_REFUSED", `${file}: ${cause.message}`, {
      cause,
      hint: `correct ${file} or move it away; \`holdfast peers add\` writes it anew`,
    });
  }
}

/** A card of a version that this program does not know is left out: it comes again from others. */
function checkCard(peer: ListedPeer): ListedPeer {
  const { card, ...rest } = peer;
  if (card === undefined) return rest;
  try {
    openCard(card);
    return peer;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === "VERSION_UNKNOWN") return rest;
    throw error;
  }
}
