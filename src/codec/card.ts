import { parseAddress } from "../base/address.ts";
import { idBytes, idOf } from "../base/id.ts";
import type { PeerId } from "../base/id.ts";
import {
  CARD_ADDRESS_MAX,
  CARD_ADDRESSES_MAX,
  CARD_BOOTSTRAP_MAX,
  CARD_SITE_MAX,
  SIGNED_BODY_MAX_BYTES,
} from "../base/limits.ts";
import type { PeerRole } from "../ports/directory.ts";
import { decodeVersioned, encodeCbor, readArray, readBytes, readText, readUint } from "./cbor.ts";
import { malformed, unknownVersion } from "./error.ts";

/** What a peer says of itself to other peers. */
export interface CardBody {
  id: PeerId;
  /** `host:port`, IPv6 in brackets; at most CARD_ADDRESSES_MAX. */
  addresses: readonly string[];
  /** Bytes offered to others, 0 for a peer that only consumes. */
  offeredBytes: number;
  /** Failure domain: peers of one site count once. */
  site?: string;
  /** Version of the peer protocol that it speaks. */
  protocol: 1;
  /** When it was made; of two cards of a peer the later one counts. */
  timeMs: number;
  /** `host:port` (UDP) of the DHT nodes that it runs for others; never empty, at most
   * CARD_BOOTSTRAP_MAX. */
  bootstrap?: readonly string[];
  /** In the order of ROLES, each once, never empty. */
  roles?: readonly PeerRole[];
}

const VERSION = 2;
const PROTOCOL = 1;
/** Bit 0, bit 1, … of the roles. */
const ROLES: readonly PeerRole[] = ["relay", "tracker"];
const WHAT = "peer card";

/** Encodes a card's body; the peer signs it for "peer card".
 * @throws CodecError FORMAT_MALFORMED for addresses or a site that no card may have */
export function encodeCard(card: CardBody): Uint8Array {
  const { id, addresses, offeredBytes, site, protocol, timeMs } = card;
  const { bootstrap = [], roles = [] } = card;
  addresses.forEach(checkAddress);
  bootstrap.forEach(checkAddress);
  if (site !== undefined) checkSite(site);
  return encodeCbor([
    VERSION,
    idBytes(id),
    [...readArray(addresses, "peer card: addresses", CARD_ADDRESSES_MAX)],
    offeredBytes,
    site ?? null,
    protocol,
    timeMs,
    [...readArray(bootstrap, "peer card: bootstrap", CARD_BOOTSTRAP_MAX)],
    ROLES.reduce((bits, role, bit) => (roles.includes(role) ? bits | (1 << bit) : bits), 0),
  ]);
}

/** @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED
 * @see docs/format/card.md */
export function decodeCard(bytes: Uint8Array): CardBody {
  const parts = decodeVersioned(bytes, WHAT, VERSION, 8, SIGNED_BODY_MAX_BYTES);
  const protocol = readUint(parts[4], "peer card: protocol");
  if (protocol !== PROTOCOL) throw unknownVersion("peer card: protocol", protocol, PROTOCOL);
  const bootstrap = readArray(parts[6], "peer card: bootstrap", CARD_BOOTSTRAP_MAX);
  const roleBits = readUint(parts[7], "peer card: roles", (1 << ROLES.length) - 1);
  return {
    id: idOf(readBytes(parts[0], "peer card: id", 32)),
    addresses: readArray(parts[1], "peer card: addresses", CARD_ADDRESSES_MAX).map(checkAddress),
    offeredBytes: readUint(parts[2], "peer card: offered bytes"),
    ...(parts[3] === null ? {} : { site: checkSite(parts[3]) }),
    protocol,
    timeMs: readUint(parts[5], "peer card: time"),
    ...(bootstrap.length === 0 ? {} : { bootstrap: bootstrap.map(checkAddress) }),
    ...(roleBits === 0 ? {} : { roles: ROLES.filter((_, bit) => (roleBits & (1 << bit)) !== 0) }),
  };
}

function checkAddress(value: unknown): string {
  const address = readText(value, "peer card: address", CARD_ADDRESS_MAX);
  if (parseAddress(address) === undefined)
    throw malformed(WHAT, "an address that is not host:port");
  return address;
}

function checkSite(value: unknown): string {
  const site = readText(value, "peer card: site", CARD_SITE_MAX);
  if (site === "" || /[\p{Cc}\p{Zl}\p{Zp}\u{feff}]/u.test(site)) {
    throw malformed(WHAT, "a site that is empty or holds control characters");
  }
  return site;
}
