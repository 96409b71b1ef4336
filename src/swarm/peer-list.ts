import { parseAddress } from "../base/address.ts";
import { base64UrlDecode, base64UrlEncode } from "../base/base64url.ts";
import { parseId, type Id, type PeerId } from "../base/id.ts";
import {
  CARD_ADDRESSES_MAX,
  CARD_SITE_MAX,
  PEERS_MAX,
  SIGNED_HEADER_MAX_CHARS,
} from "../base/limits.ts";
import type { Directory, PeerCard } from "../ports/directory.ts";
import { SwarmError } from "./error.ts";
import { parseSource, type HintSource } from "./peer-hint.ts";

const VERSION = 1;
const CARD_KEYS = new Set([
  ...["id", "addresses", "offeredBytes", "site"],
  ...["source", "card", "answeredMs", "answeredAt"],
]);

/** A peer as the list on disk has it. */
export interface ListedPeer extends Pick<PeerCard, "id" | "addresses" | "offeredBytes" | "site"> {
  /** Who named it; undefined: the user added it by hand. */
  source?: HintSource;
  /** Its latest signed card; not opened here. */
  card?: Uint8Array;
  /** Wall-clock time of its last answer. */
  answeredMs?: number;
  /** Where it answered last, if that is not in its card. */
  answeredAt?: string;
}

/** Reads a peer list: `{"version": 1, "peers": [{"id", "addresses", "offeredBytes", "site"?}]}`.
 * Peers that were found have `source`, `card` (base64url), `answeredMs` and `answeredAt` too.
 * @throws SwarmError PEER_LIST_INVALID, naming the entry */
export function parsePeerList(text: string): ListedPeer[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid("it is not JSON", cause);
  }
  if (!isObject(value)) throw invalid("it is not an object");
  const { version, peers, ...rest } = value;
  if (version !== VERSION) throw invalid(`version ${String(version)}, wanted ${VERSION}`);
  const [unknownKey] = Object.keys(rest);
  if (unknownKey !== undefined) throw invalid(`unknown key ${JSON.stringify(unknownKey)}`);
  if (!Array.isArray(peers)) throw invalid("peers is not a list");
  if (peers.length > PEERS_MAX) throw invalid(`${peers.length} peers, at most ${PEERS_MAX}`);
  const seen = new Set<PeerId>();
  return peers.map((entry: unknown, index) => {
    const peer = parsePeer(entry, `entry ${index + 1}`);
    if (seen.has(peer.id)) throw invalid(`entry ${index + 1}: ${peer.id} is listed twice`);
    seen.add(peer.id);
    return peer;
  });
}

/** Writes what `parsePeerList` reads. */
export function formatPeerList(peers: readonly ListedPeer[]): string {
  const entries = peers.map((peer) => {
    const { id, addresses, offeredBytes, site, source, answeredMs, answeredAt } = peer;
    const card = peer.card === undefined ? undefined : base64UrlEncode(peer.card);
    return { id, addresses, offeredBytes, site, source, answeredMs, answeredAt, card };
  });
  return `${JSON.stringify({ version: VERSION, peers: entries }, undefined, 2)}\n`;
}

function parsePeer(entry: unknown, where: string): ListedPeer {
  if (!isObject(entry)) throw invalid(`${where}: not an object`);
  const unknownKey = Object.keys(entry).find((key) => !CARD_KEYS.has(key));
  if (unknownKey !== undefined)
    throw invalid(`${where}: unknown key ${JSON.stringify(unknownKey)}`);
  const { id, addresses, offeredBytes, site } = entry;
  if (typeof id !== "string" || parseId(id) === undefined) {
    throw invalid(`${where}: id is not 52 characters of base32`);
  }
  if (!Array.isArray(addresses) || addresses.length > CARD_ADDRESSES_MAX) {
    throw invalid(`${where}: addresses is not a list of at most ${CARD_ADDRESSES_MAX}`);
  }
  for (const address of addresses as unknown[]) {
    if (typeof address !== "string" || parseAddress(address) === undefined) {
      throw invalid(`${where}: address ${JSON.stringify(address)} is not host:port`);
    }
  }
  if (!Number.isSafeInteger(offeredBytes) || Number(offeredBytes) < 0) {
    throw invalid(`${where}: offeredBytes is not a number of bytes`);
  }
  if (site !== undefined && (typeof site !== "string" || !isSite(site))) {
    throw invalid(`${where}: site is not a short text`);
  }
  return {
    id,
    addresses: addresses as string[],
    offeredBytes: Number(offeredBytes),
    ...(site === undefined ? {} : { site }),
    ...parseFound(entry, where),
  };
}

/** What only the entries of peers have that were found. */
function parseFound(
  entry: Record<string, unknown>,
  where: string,
): Pick<ListedPeer, "source" | "card" | "answeredMs" | "answeredAt"> {
  const { source, card, answeredMs, answeredAt } = entry;
  const named = typeof source === "string" ? parseSource(source) : undefined;
  if (source !== undefined && named === undefined) throw invalid(`${where}: source is none`);
  const isText = typeof card === "string" && card.length <= SIGNED_HEADER_MAX_CHARS;
  const bytes = isText ? base64UrlDecode(card) : undefined;
  if (card !== undefined && bytes === undefined) {
    throw invalid(`${where}: card is not the base64url of a card`);
  }
  if (answeredMs !== undefined && (!Number.isSafeInteger(answeredMs) || Number(answeredMs) < 0)) {
    throw invalid(`${where}: answeredMs is not a time`);
  }
  if (
    answeredAt !== undefined &&
    (typeof answeredAt !== "string" || parseAddress(answeredAt) === undefined)
  ) {
    throw invalid(`${where}: answeredAt is not host:port`);
  }
  return {
    ...(named === undefined || named === "hand" ? {} : { source: named }),
    ...(bytes === undefined ? {} : { card: bytes }),
    ...(answeredMs === undefined ? {} : { answeredMs: Number(answeredMs) }),
    ...(answeredAt === undefined ? {} : { answeredAt }),
  };
}

function isSite(site: string): boolean {
  return site !== "" && site.length <= CARD_SITE_MAX && !/\p{Cc}/u.test(site);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(why: string, cause?: unknown): SwarmError {
  return new SwarmError("PEER_LIST_INVALID", `peer list: ${why}`, {
    cause,
    hint: "correct the file that peer_list names",
  });
}

/** A directory that knows what it was told, and asks nobody. */
export interface MemoryDirectory extends Directory {
  /** Knows this peer from now on; what was known of it before is replaced. */
  add(card: PeerCard): void;
  remove(peer: PeerId): void;
}

/** Makes a directory of cards, bounded to PEERS_MAX; without room a new peer is not taken in. */
export function createMemoryDirectory(cards: readonly PeerCard[] = []): MemoryDirectory {
  const known = new Map<PeerId, PeerCard>();
  const directory: MemoryDirectory = {
    peers: () => [...known.values()],
    find: (peer) => known.get(peer),
    // Without anybody to ask, every peer may have anything.
    lookup: (_topic: Id) => Promise.resolve([...known.keys()]),
    announce: () => Promise.resolve(),
    add(card) {
      if (known.has(card.id) || known.size < PEERS_MAX) known.set(card.id, card);
    },
    remove: (peer) => void known.delete(peer),
  };
  for (const card of cards) directory.add(card);
  return directory;
}
