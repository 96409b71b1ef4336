import { decode, encode } from "cborg";
import { CBOR_ITEMS_MAX } from "../base/limits.ts";
import { scanCbor } from "./cbor-scan.ts";
import { malformed, unknownVersion } from "./error.ts";

const DECODE_OPTIONS = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  useMaps: true,
  rejectDuplicateMapKeys: true,
};
const U64_MAX = 2n ** 64n - 1n;

/** Encodes a value in the one way that RFC 8949 core deterministic encoding has for it: integers
 * (number or bigint), Uint8Array, string, array, Map or object with text keys, boolean, null.
 * @throws CodecError FORMAT_MALFORMED for a value that `decodeCbor` would refuse */
export function encodeCbor(value: unknown): Uint8Array {
  const bytes = encodeAny(value);
  scanCbor(bytes);
  return bytes;
}

function encodeAny(value: unknown): Uint8Array {
  try {
    return encode(value);
  } catch (cause) {
    throw malformed("cbor", "a value that has no encoding", cause);
  }
}

/** Decodes one deterministic CBOR item. Maps come out as `Map`, integers beyond the safe range as
 * bigint, byte strings as fresh arrays.
 * @throws CodecError FORMAT_MALFORMED for more than `maxBytes`, for anything that is not canonical,
 *   and for what follows the item; nothing is allocated before all of this is checked
 * @see docs/format/README.md */
export function decodeCbor(bytes: Uint8Array, maxBytes: number): unknown {
  if (bytes.length > maxBytes) {
    throw malformed("cbor", `${bytes.length} bytes, at most ${maxBytes} are read`);
  }
  scanCbor(bytes);
  try {
    return decode(bytes, DECODE_OPTIONS);
  } catch (cause) {
    throw malformed("cbor", "does not decode", cause);
  }
}

/** Decodes the form that all our CBOR formats share: an array whose first element is the version.
 * @returns the elements behind the version, exactly `count` of them
 * @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED */
export function decodeVersioned(
  bytes: Uint8Array,
  what: string,
  known: number,
  count: number,
  maxBytes: number,
): unknown[] {
  const [version, ...parts] = readArray(decodeCbor(bytes, maxBytes), what, CBOR_ITEMS_MAX);
  const got = readU64(version, `${what}: version`);
  if (got !== BigInt(known)) throw unknownVersion(what, got, known);
  if (parts.length !== count) throw malformed(what, `${parts.length} parts, wanted ${count}`);
  return parts;
}

/** @throws CodecError FORMAT_MALFORMED where `value` is no map of at most `max` entries */
export function readMap(
  value: unknown,
  name: string,
  max: number = CBOR_ITEMS_MAX,
): ReadonlyMap<string, unknown> {
  if (!(value instanceof Map)) throw malformed(name, "not a map");
  if (value.size > max) throw malformed(name, `${value.size} entries, at most ${max}`);
  return value;
}

/** @throws CodecError FORMAT_MALFORMED where `value` is no array of at most `max` elements */
export function readArray(value: unknown, name: string, max: number): unknown[] {
  if (!Array.isArray(value)) throw malformed(name, "not an array");
  if (value.length > max) throw malformed(name, `${value.length} elements, at most ${max}`);
  return value;
}

/** @throws CodecError FORMAT_MALFORMED where `value` is no byte string, or not of `lengthBytes` */
export function readBytes(value: unknown, name: string, lengthBytes?: number): Uint8Array {
  if (!(value instanceof Uint8Array)) throw malformed(name, "not a byte string");
  if (lengthBytes !== undefined && value.length !== lengthBytes) {
    throw malformed(name, `${value.length} bytes, wanted ${lengthBytes}`);
  }
  return value;
}

/** @throws CodecError FORMAT_MALFORMED where `value` is no integer of 0 to `max` */
export function readUint(
  value: unknown,
  name: string,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw malformed(name, "not an unsigned integer");
  }
  if (value > max) throw malformed(name, `${value}, at most ${max}`);
  return value;
}

/** Like `readUint` for the whole range of 64 bits. */
export function readU64(value: unknown, name: string): bigint {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  if (typeof value === "bigint" && value >= 0n && value <= U64_MAX) return value;
  throw malformed(name, "not an unsigned integer");
}

/** @throws CodecError FORMAT_MALFORMED where `value` is no text of at most `maxUnits` UTF-16 units
 * */
export function readText(value: unknown, name: string, maxUnits?: number): string {
  if (typeof value !== "string" || !value.isWellFormed()) throw malformed(name, "not a text");
  if (maxUnits !== undefined && value.length > maxUnits) {
    throw malformed(name, `${value.length} characters, at most ${maxUnits}`);
  }
  return value;
}
