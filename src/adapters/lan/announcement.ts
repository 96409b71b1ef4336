import { idBytes, idOf, type PeerId } from "../../base/id.ts";
import { deriveKey } from "../../crypto/hash.node.ts";
import { NONCE_BYTES, openInto, sealInto, TAG_BYTES } from "../../crypto/seal.node.ts";

/** What a peer says of itself inside its local network. */
export interface Announcement {
  peer: PeerId;
  /** TCP port for peers. */
  port: number;
  /** When it was made, in milliseconds since 1970. */
  timeMs: number;
  /** Whether it wants to hear of others. */
  asks: boolean;
}

const VERSION = 1;
const HEAD_BYTES = 1 + NONCE_BYTES;
const PLAIN_BYTES = 32 + 2 + 8 + 1;

/** Bytes of a sealed announcement:
 * `version 1 ‖ nonce 12 ‖ sealed(peer 32 ‖ port 2 ‖ time 8 ‖ asks 1) ‖ tag 16`. */
export const ANNOUNCEMENT_BYTES = HEAD_BYTES + PLAIN_BYTES + TAG_BYTES;

/** The key that announcements are sealed with.
 * @param networkKey 32 bytes */
export function announcementKey(networkKey: Uint8Array): Uint8Array {
  return deriveKey("lan announcement", networkKey);
}

/** Seals an announcement.
 * @param nonce NONCE_BYTES fresh random bytes: peers share the key, so a counter would not do */
export function sealAnnouncement(
  key: Uint8Array,
  nonce: Uint8Array,
  { peer, port, timeMs, asks }: Announcement,
): Uint8Array {
  const plain = new Uint8Array(PLAIN_BYTES);
  const view = new DataView(plain.buffer);
  plain.set(idBytes(peer));
  view.setUint16(32, port, true);
  view.setBigUint64(34, BigInt(timeMs), true);
  view.setUint8(42, asks ? 1 : 0);
  const sealed = new Uint8Array(ANNOUNCEMENT_BYTES);
  sealed[0] = VERSION;
  sealed.set(nonce, 1);
  sealInto(sealed, HEAD_BYTES, key, nonce, sealed.subarray(0, HEAD_BYTES), plain);
  return sealed;
}

/** Opens what anybody may have sent; undefined where it is not sealed with this key, or not an
 * announcement. */
export function openAnnouncement(key: Uint8Array, sealed: Uint8Array): Announcement | undefined {
  if (sealed.length !== ANNOUNCEMENT_BYTES || sealed[0] !== VERSION) return undefined;
  const plain = new Uint8Array(PLAIN_BYTES);
  const nonce = sealed.subarray(1, HEAD_BYTES);
  try {
    openInto(plain, key, nonce, sealed.subarray(0, HEAD_BYTES), sealed.subarray(HEAD_BYTES));
  } catch {
    return undefined;
  }
  const view = new DataView(plain.buffer);
  const port = view.getUint16(32, true);
  const time = view.getBigUint64(34, true);
  const asks = view.getUint8(42);
  if (port === 0 || time > BigInt(Number.MAX_SAFE_INTEGER) || asks > 1) return undefined;
  return { peer: idOf(plain.subarray(0, 32)), port, timeMs: Number(time), asks: asks === 1 };
}
