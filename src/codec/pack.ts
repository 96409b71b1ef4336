import { assert } from "../base/assert.ts";
import { PACK_MAX_BYTES } from "../base/limits.ts";
import { malformed, unknownVersion } from "./error.ts";

/** What a pack's chunks are: pieces of files, nodes of trees, or segments of the index. */
export type PackKind = "data" | "tree" | "index";

/** Where a sealed chunk lies in its pack. */
export interface PackEntry {
  /** The chunk's secret name, 32 bytes. */
  name: Uint8Array;
  offset: number;
  /** Of the sealed chunk, header and tag included. */
  lengthBytes: number;
}

/** The last 40 bytes of a pack: trailerHash 32 ‖ sealed length u32 ‖ version 1 ‖ "HFP". */
export interface PackFooter {
  trailerHash: Uint8Array;
  /** Length of the sealed trailer, which lies right before the footer. */
  sealedBytes: number;
}

export const PACK_FOOTER_BYTES = 40;

const VERSION = 1;
const KINDS: readonly PackKind[] = ["data", "tree", "index"];
const HEAD_BYTES = 6;
const COUNT_AT = 2;
const NAME_BYTES = 32;
const ENTRY_BYTES = NAME_BYTES + 8;
const SEALED_AT = 32;
const VERSION_AT = 36;
const MAGIC_AT = 37;
/** "HFP" */
const MAGIC = [0x48, 0x46, 0x50] as const;

/** The least length of a trailer of `count` entries: without padding. */
export function trailerBytes(count: number): number {
  return HEAD_BYTES + count * ENTRY_BYTES;
}

/** Encodes a trailer of exactly `totalBytes`: version 1 ‖ kind 1 ‖ count u32 ‖ entries ‖ zeroes.
 * Entries are in the order of their offsets and do not overlap. */
export function encodeTrailer(
  kind: PackKind,
  entries: readonly PackEntry[],
  totalBytes: number,
): Uint8Array {
  assert(totalBytes >= trailerBytes(entries.length), "a trailer has room for its entries");
  const bytes = new Uint8Array(totalBytes);
  const view = new DataView(bytes.buffer);
  bytes[0] = VERSION;
  bytes[1] = KINDS.indexOf(kind);
  view.setUint32(COUNT_AT, entries.length, true);
  let at = HEAD_BYTES;
  let end = 0;
  for (const { name, offset, lengthBytes } of entries) {
    assert(name.length === NAME_BYTES, "a chunk's name has 32 bytes");
    assert(offset >= end && lengthBytes > 0, "a pack's entries are in order");
    end = offset + lengthBytes;
    bytes.set(name, at);
    view.setUint32(at + NAME_BYTES, offset, true);
    view.setUint32(at + NAME_BYTES + 4, lengthBytes, true);
    at += ENTRY_BYTES;
  }
  assert(end <= PACK_MAX_BYTES, "a pack's entries end within it");
  return bytes;
}

/** Decodes a trailer. The names are views into `bytes`.
 * @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED
 * @see docs/format/pack.md */
export function decodeTrailer(bytes: Uint8Array): { kind: PackKind; entries: PackEntry[] } {
  if (bytes.length === 0) throw malformed("pack trailer", "no bytes");
  if (bytes[0] !== VERSION) throw unknownVersion("pack trailer", bytes[0]!, VERSION);
  if (bytes.length < HEAD_BYTES) throw malformed("pack trailer", "ends too early");
  const kind = KINDS[bytes[1]!];
  if (kind === undefined) throw malformed("pack trailer", `unknown kind ${bytes[1]}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(COUNT_AT, true);
  if (trailerBytes(count) > bytes.length) {
    throw malformed("pack trailer", `${count} entries do not fit ${bytes.length} bytes`);
  }
  const entries: PackEntry[] = [];
  let end = 0;
  for (let index = 0; index < count; index++) {
    const at = HEAD_BYTES + index * ENTRY_BYTES;
    const offset = view.getUint32(at + NAME_BYTES, true);
    const lengthBytes = view.getUint32(at + NAME_BYTES + 4, true);
    if (offset < end || lengthBytes === 0 || offset + lengthBytes > PACK_MAX_BYTES) {
      throw malformed("pack trailer", `entry ${index} overlaps, is empty, or leaves the pack`);
    }
    end = offset + lengthBytes;
    entries.push({ name: bytes.subarray(at, at + NAME_BYTES), offset, lengthBytes });
  }
  for (let at = trailerBytes(count); at < bytes.length; at++) {
    if (bytes[at] !== 0) throw malformed("pack trailer", "padding that is not zero");
  }
  return { kind, entries };
}

/** Writes the 40 bytes that end a pack into `target` at `offset`. */
export function writeFooter(target: Uint8Array, offset: number, footer: PackFooter): void {
  assert(footer.trailerHash.length === SEALED_AT, "a trailer's hash has 32 bytes");
  assert(footer.sealedBytes <= PACK_MAX_BYTES, "a trailer is at most a pack");
  target.set(footer.trailerHash, offset);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  view.setUint32(offset + SEALED_AT, footer.sealedBytes, true);
  target[offset + VERSION_AT] = VERSION;
  target.set(MAGIC, offset + MAGIC_AT);
}

/** Reads exactly the 40 bytes that end a pack. The hash is a view into them.
 * @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED
 * @see docs/format/pack.md */
export function readFooter(bytes: Uint8Array): PackFooter {
  if (bytes.length !== PACK_FOOTER_BYTES) {
    throw malformed("pack footer", `${bytes.length} bytes, wanted ${PACK_FOOTER_BYTES}`);
  }
  if (!MAGIC.every((byte, index) => bytes[MAGIC_AT + index] === byte)) {
    throw malformed("pack footer", "does not end in HFP");
  }
  if (bytes[VERSION_AT] !== VERSION) {
    throw unknownVersion("pack footer", bytes[VERSION_AT]!, VERSION);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sealedBytes = view.getUint32(SEALED_AT, true);
  if (sealedBytes > PACK_MAX_BYTES) {
    throw malformed("pack footer", `a trailer of ${sealedBytes} bytes, at most ${PACK_MAX_BYTES}`);
  }
  return { trailerHash: bytes.subarray(0, SEALED_AT), sealedBytes };
}
