import { deriveKey, keyedHash } from "../crypto/hash.node.ts";
import { concatBytes, utf8 } from "../base/bytes.ts";

/** What a volume's generation secret unfolds to. All are 32 bytes.
 * @see docs/format/keys.md */
export interface VolumeKeys {
  readonly naming: Uint8Array;
  readonly content: Uint8Array;
  /** Keys the hash that makes a chunk's nonce. */
  readonly nonce: Uint8Array;
  readonly gear: Uint8Array;
  readonly trailer: Uint8Array;
  readonly contentId: Uint8Array;
  readonly headSeal: Uint8Array;
  /** From it the signing seed of each device's head record comes. */
  readonly head: Uint8Array;
  readonly volumeId: Uint8Array;
}

/** Derives a private volume's keys from the 32-byte secret of one of its generations. */
export function deriveVolumeKeys(secret: Uint8Array): VolumeKeys {
  const content = deriveKey("content key", secret);
  return {
    naming: deriveKey("naming key", secret),
    content,
    nonce: deriveKey("nonce", content),
    gear: deriveKey("gear key", secret),
    trailer: deriveKey("trailer key", secret),
    contentId: deriveKey("content id", secret),
    headSeal: deriveKey("head seal", secret),
    head: deriveKey("head key", secret),
    volumeId: deriveKey("volume id", secret),
  };
}

/** The table of the gear hash: `lengthBytes` bytes of keyed BLAKE3 in counter mode. */
export function gearTable(gearKey: Uint8Array, lengthBytes: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < lengthBytes; at += 32) {
    blocks.push(keyedHash(gearKey, utf8(`gear ${at / 32}`)));
  }
  return concatBytes(...blocks).subarray(0, lengthBytes);
}

/** The seed of the key that signs the head record of one device for one volume. */
export function headSeed(keys: VolumeKeys, device: Uint8Array): Uint8Array {
  return deriveKey("head seed", keys.head, device);
}
