import { CHUNK_MAX_BYTES } from "../base/limits.ts";
import { decodeVersioned, encodeCbor, readArray, readBytes, readUint } from "./cbor.ts";
import { malformed } from "./error.ts";
import type { PackEntry, PackKind } from "./pack.ts";
import { stripeFromValue, stripeToValue } from "./stripe.ts";
import type { Stripe } from "./stripe.ts";

/** A pack as the index knows it: where its shards are and which chunks it holds. */
export interface IndexedPack {
  kind: PackKind;
  stripe: Stripe;
  entries: PackEntry[];
}

/** Where a sealed chunk lies when nothing else is known yet: in which stripe, and where in its
 * pack. */
export interface ChunkPlace {
  /** Position in the list of stripes beside it. */
  stripe: number;
  name: Uint8Array;
  offset: number;
  lengthBytes: number;
}

/** The root of a volume's index: its segments in order (a later one overrides an earlier one). */
export interface IndexRoot {
  stripes: Stripe[];
  segments: ChunkPlace[];
}

const VERSION = 1;
const PACK_KINDS: readonly PackKind[] = ["data", "tree", "index"];
const PACKS_MAX = 65_536;
const ENTRIES_MAX = 262_144;
const SEGMENTS_MAX = 4096;

/** Encodes a segment: packs with their stripes and chunks. */
export function encodeSegment(packs: readonly IndexedPack[]): Uint8Array {
  const value = packs.map(({ kind, stripe, entries }) => [
    PACK_KINDS.indexOf(kind),
    stripeToValue(stripe),
    entries.map(({ name, offset, lengthBytes }) => [name, offset, lengthBytes]),
  ]);
  return encodeCbor([VERSION, value]);
}

/** @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED */
export function decodeSegment(bytes: Uint8Array): IndexedPack[] {
  const [packs] = decodeVersioned(bytes, "index segment", VERSION, 1, CHUNK_MAX_BYTES);
  return readArray(packs, "packs", PACKS_MAX).map((pack) => {
    const [kindCode, stripe, entries] = readArray(pack, "pack", 3);
    const kind = PACK_KINDS[readUint(kindCode, "kind")];
    if (kind === undefined) throw malformed("index segment", "has a pack of an unknown kind");
    const whole = stripeFromValue(stripe);
    return {
      kind,
      stripe: whole,
      entries: readArray(entries, "entries", ENTRIES_MAX).map((entry) => {
        const [name, offset, lengthBytes] = readArray(entry, "entry", 3);
        return {
          name: readBytes(name, "name", 32),
          ...readRange(offset, lengthBytes, whole.packBytes),
        };
      }),
    };
  });
}

/** Encodes the root of an index. */
export function encodeIndexRoot(root: IndexRoot): Uint8Array {
  return encodeCbor([VERSION, root.stripes.map(stripeToValue), root.segments.map(placeToValue)]);
}

/** @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED */
export function decodeIndexRoot(bytes: Uint8Array): IndexRoot {
  const parts = decodeVersioned(bytes, "index root", VERSION, 2, CHUNK_MAX_BYTES);
  const [stripeValues, segments] = parts;
  const stripes = readArray(stripeValues, "stripes", SEGMENTS_MAX).map(stripeFromValue);
  return {
    stripes,
    segments: readArray(segments, "segments", SEGMENTS_MAX).map((place) =>
      placeFromValue(place, stripes),
    ),
  };
}

/** A place as a CBOR value. */
export function placeToValue(place: ChunkPlace): unknown {
  return [place.stripe, place.name, place.offset, place.lengthBytes];
}

/** Reads a place in one of the `stripes` beside it.
 * @throws CodecError FORMAT_MALFORMED */
export function placeFromValue(value: unknown, stripes: readonly Stripe[]): ChunkPlace {
  const [stripe, name, offset, lengthBytes] = readArray(value, "place", 4);
  const at = readUint(stripe, "stripe");
  const whole = stripes[at];
  if (whole === undefined) throw malformed("chunk place", "names a stripe that is not listed");
  return {
    stripe: at,
    name: readBytes(name, "name", 32),
    ...readRange(offset, lengthBytes, whole.packBytes),
  };
}

/** A range of bytes that lies within its pack and is not empty. */
function readRange(
  offsetValue: unknown,
  lengthValue: unknown,
  packBytes: number,
): { offset: number; lengthBytes: number } {
  const offset = readUint(offsetValue, "offset", packBytes);
  const lengthBytes = readUint(lengthValue, "length", packBytes - offset);
  if (lengthBytes === 0) throw malformed("index", "has an empty chunk");
  return { offset, lengthBytes };
}
