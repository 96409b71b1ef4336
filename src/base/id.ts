import { base32Decode, base32Encode } from "./base32.ts";
import { assert } from "./assert.ts";

/** A 32-byte value as text: 52 characters of base32. */
export type Id = string;
/** An Ed25519 public key: which peer. */
export type PeerId = Id;
/** An Ed25519 public key: which account. */
export type AccountId = Id;
/** The two-level hash of a shard. */
export type ShardId = Id;
/** A day in UTC, counted from 1970-01-01. */
export type Epoch = number;

export const ID_BYTES = 32;
export const DAY_MS = 86_400_000;

/** The id of 32 bytes. */
export function idOf(bytes: Uint8Array): Id {
  assert(bytes.length === ID_BYTES, "an id has 32 bytes");
  return base32Encode(bytes);
}

/** The 32 bytes of an id, or undefined where the text is not one. */
export function parseId(text: string): Uint8Array | undefined {
  const bytes = text.length === 52 ? base32Decode(text) : undefined;
  return bytes?.length === ID_BYTES ? bytes : undefined;
}

/** The 32 bytes of an id that is known to be one. */
export function idBytes(id: Id): Uint8Array {
  const bytes = parseId(id);
  assert(bytes !== undefined, "an id was checked where it came in");
  return bytes;
}

/** The epoch of a wall-clock time in milliseconds. */
export function epochOf(timeMs: number): Epoch {
  return Math.floor(timeMs / DAY_MS);
}
