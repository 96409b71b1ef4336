import { assert } from "../base/assert.ts";
import { concatBytes } from "../base/bytes.ts";
import { idBytes, idOf } from "../base/id.ts";
import type { Epoch, Id } from "../base/id.ts";
import { RECORD_VALUE_MAX_BYTES } from "../base/limits.ts";
import { malformed, unknownVersion } from "./error.ts";

/** A mutable, signed, numbered value that peers keep under a key. */
export interface RecordEntry {
  /** The Ed25519 public key that signs it, and under which it is kept. */
  key: Id;
  /** 0 to 2⁶⁴−1; a higher one replaces a lower one. */
  number: bigint;
  /** Keepers may forget it after this epoch. */
  expires: Epoch;
  /** At most RECORD_VALUE_MAX_BYTES. */
  value: Uint8Array;
  /** 64 bytes by `key`, for "record", over `recordSignedBytes`. */
  signature: Uint8Array;
}

/** The longest record. */
export const RECORD_MAX_BYTES = 49 + RECORD_VALUE_MAX_BYTES + 64;

const VERSION = 1;
const WHAT = "record";
const KEY_AT = 1;
const NUMBER_AT = 33;
const EXPIRES_AT = 41;
const LENGTH_AT = 45;
const VALUE_AT = 49;
const SIGNATURE_BYTES = 64;

/** What a record's signature covers: version 1 ‖ key 32 ‖ number u64 ‖ expires u32 ‖ length u32 ‖
 * value, little-endian. */
export function recordSignedBytes(entry: Omit<RecordEntry, "signature">): Uint8Array {
  const { key, number, expires, value } = entry;
  assert(value.length <= RECORD_VALUE_MAX_BYTES, "a record's value is at most 64 KiB");
  assert(number >= 0n && number < 1n << 64n, "a record's number has 64 bits");
  assert(Number.isInteger(expires) && expires >= 0 && expires < 2 ** 32, "an epoch has 32 bits");
  const bytes = new Uint8Array(VALUE_AT + value.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = VERSION;
  bytes.set(idBytes(key), KEY_AT);
  view.setBigUint64(NUMBER_AT, number, true);
  view.setUint32(EXPIRES_AT, expires, true);
  view.setUint32(LENGTH_AT, value.length, true);
  bytes.set(value, VALUE_AT);
  return bytes;
}

/** Encodes a record: its signed bytes, then the signature. */
export function encodeRecord(entry: RecordEntry): Uint8Array {
  assert(entry.signature.length === SIGNATURE_BYTES, "a signature has 64 bytes");
  return concatBytes(recordSignedBytes(entry), entry.signature);
}

/** Decodes a record. Value and signature are fresh arrays; the signature is not checked here.
 * @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED
 * @see docs/format/record.md */
export function decodeRecord(bytes: Uint8Array): RecordEntry {
  if (bytes.length === 0) throw malformed(WHAT, "no bytes");
  if (bytes[0] !== VERSION) throw unknownVersion(WHAT, bytes[0]!, VERSION);
  if (bytes.length < VALUE_AT + SIGNATURE_BYTES) throw malformed(WHAT, "ends too early");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const valueBytes = view.getUint32(LENGTH_AT, true);
  if (valueBytes > RECORD_VALUE_MAX_BYTES) {
    throw malformed(WHAT, `a value of ${valueBytes} bytes, at most ${RECORD_VALUE_MAX_BYTES}`);
  }
  const end = VALUE_AT + valueBytes;
  if (bytes.length !== end + SIGNATURE_BYTES) {
    throw malformed(WHAT, `${bytes.length} bytes, its value says ${end + SIGNATURE_BYTES}`);
  }
  return {
    key: idOf(bytes.subarray(KEY_AT, NUMBER_AT)),
    number: view.getBigUint64(NUMBER_AT, true),
    expires: view.getUint32(EXPIRES_AT, true),
    value: bytes.slice(VALUE_AT, end),
    signature: bytes.slice(end),
  };
}
