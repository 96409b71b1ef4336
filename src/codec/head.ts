import { idBytes, idOf } from "../base/id.ts";
import type { PeerId } from "../base/id.ts";
import { RECORD_VALUE_MAX_BYTES } from "../base/limits.ts";
import { decodeVersioned, encodeCbor, readArray, readBytes, readUint } from "./cbor.ts";
import { placeFromValue, placeToValue } from "./index-segment.ts";
import type { ChunkPlace } from "./index-segment.ts";
import { stripeFromValue, stripeToValue } from "./stripe.ts";
import type { Stripe } from "./stripe.ts";

/** What a device says of a volume: its newest snapshot, and everything needed to start from there.
 * */
export interface Head {
  volume: Uint8Array;
  device: PeerId;
  /** One more with each head that the device publishes; also the record's number. */
  number: number;
  snapshotNumber: number;
  /** Stripes of the packs that hold snapshot and index root. */
  stripes: Stripe[];
  snapshot: ChunkPlace;
  indexRoot: ChunkPlace;
}

const VERSION = 1;
const PARTS = 7;
const STRIPES_MAX = 8;

/** Encodes a head; the device signs these bytes, then they are sealed into a record's value. */
export function encodeHead(head: Head): Uint8Array {
  return encodeCbor([
    VERSION,
    head.volume,
    idBytes(head.device),
    head.number,
    head.snapshotNumber,
    head.stripes.map(stripeToValue),
    placeToValue(head.snapshot),
    placeToValue(head.indexRoot),
  ]);
}

/** @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED */
export function decodeHead(bytes: Uint8Array): Head {
  const value = decodeVersioned(bytes, "head", VERSION, PARTS, RECORD_VALUE_MAX_BYTES);
  const stripes = readArray(value[4], "stripes", STRIPES_MAX).map(stripeFromValue);
  return {
    volume: readBytes(value[0], "volume", 32),
    device: idOf(readBytes(value[1], "device", 32)),
    number: readUint(value[2], "number"),
    snapshotNumber: readUint(value[3], "snapshot number"),
    stripes,
    snapshot: placeFromValue(value[5], stripes),
    indexRoot: placeFromValue(value[6], stripes),
  };
}
