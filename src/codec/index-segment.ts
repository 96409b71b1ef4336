import { CHUNK_MAX_BYTES, PACK_MAX_BYTES } from "../base/limits.ts";
import { decodeCbor, encodeCbor, readArray, readBytes, readUint } from "./cbor.ts";
import { CodecError } from "./error.ts";
import type { PackEntry, PackKind } from "./pack.ts";
import { stripeFromValue, stripeToValue } from "./stripe.ts";
import type { Stripe } from "./stripe.ts";

/** A pack as the index knows it: where its shards are and which chunks it holds. */
export interface IndexedPack {
  kind: PackKind;
  stripe: Stripe;
  entries: PackEntry[];
}

/** Where a sealed chunk lies when nothing else is known yet: in which stripe, and where in its pack. */
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
  const [, packs] = versioned(bytes, "index segment", 2);
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
  const [, stripeValues, segments] = versioned(bytes, "index root", 3);
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

function versioned(bytes: Uint8Array, what: string, parts: number): unknown[] {
  const value = readArray(decodeCbor(bytes, CHUNK_MAX_BYTES), what, parts);
  const version = readUint(value[0], "version");
  if (version !== VERSION) {
    throw new CodecError("VERSION_UNKNOWN", `${what}: version ${version}, known is ${VERSION}`);
  }
  if (value.length !== parts) throw malformed(what, `has not ${parts} parts`);
  return value;
}

function readWithin(value: unknown, name: string): number {
  const number = readUint(value, name);
  if (number > PACK_MAX_BYTES) throw malformed("index", `has a ${name} beyond the largest pack`);
  return number;
}

function malformed(what: string, why: string): CodecError {
  return new CodecError("FORMAT_MALFORMED", `${what}: ${why}`);
}
