import { CHUNK_MAX_BYTES, PACK_MAX_BYTES } from "../base/limits.ts";
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
    return {
      kind,
      stripe: stripeFromValue(stripe),
      entries: readArray(entries, "entries", ENTRIES_MAX).map((entry) => {
        const [name, offset, lengthBytes] = readArray(entry, "entry", 3);
        return {
          name: readBytes(name, "name", 32),
          offset: readWithin(offset, "offset"),
          lengthBytes: readWithin(lengthBytes, "length"),
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
      placeFromValue(place, stripes.length),
    ),
  };
}

/** A place as a CBOR value. */
export function placeToValue(place: ChunkPlace): unknown {
  return [place.stripe, place.name, place.offset, place.lengthBytes];
}

/** @throws CodecError FORMAT_MALFORMED */
export function placeFromValue(value: unknown, stripes: number): ChunkPlace {
  const [stripe, name, offset, lengthBytes] = readArray(value, "place", 4);
  const place = {
    stripe: readUint(stripe, "stripe"),
    name: readBytes(name, "name", 32),
    offset: readWithin(offset, "offset"),
    lengthBytes: readWithin(lengthBytes, "length"),
  };
  if (place.stripe >= stripes) throw malformed("chunk place", "names a stripe that is not listed");
  return place;
}

function readWithin(value: unknown, name: string): number {
  const number = readUint(value, name);
  if (number > PACK_MAX_BYTES) throw malformed("index", `has a ${name} beyond the largest pack`);
  return number;
}
