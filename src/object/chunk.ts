import { concatBytes, equalBytes } from "../base/bytes.ts";
import { CHUNK_HEADER_BYTES, readChunkHeader, writeChunkHeader } from "../codec/chunk.ts";
import type { ChunkHeader } from "../codec/chunk.ts";
import { deriveKey, keyedHash } from "../crypto/hash.node.ts";
import { KEY_BYTES, NONCE_BYTES, TAG_BYTES, openInto, sealInto } from "../crypto/seal.node.ts";
import { CryptoError } from "../crypto/error.ts";
import { ObjectError } from "./error.ts";
import type { VolumeKeys } from "./keys.ts";
import { compressIfSmaller, decompress } from "./zstd.node.ts";

/** What sealing adds to a chunk's stored payload. */
export const CHUNK_OVERHEAD_BYTES = CHUNK_HEADER_BYTES + TAG_BYTES;

/** A chunk's secret name: keyed BLAKE3 of its plaintext, 32 bytes. */
export function chunkNameOf(keys: VolumeKeys, raw: Uint8Array): Uint8Array {
  return keyedHash(keys.naming, raw);
}

/** Seals `raw` under `name` into `target` at `offset`, compressed where that pays.
 * The nonce depends on the stored payload, so one key never meets one nonce with two payloads.
 * @returns the sealed length, at most `raw.length + CHUNK_OVERHEAD_BYTES`
 * @see docs/format/chunk.md */
export function sealChunk(
  keys: VolumeKeys,
  name: Uint8Array,
  raw: Uint8Array,
  target: Uint8Array,
  offset: number,
): number {
  const frame = compressIfSmaller(raw);
  return sealPayload(keys, name, frame ?? raw, frame !== undefined, raw.length, target, offset);
}

/** Seals a payload that the caller compressed, or not. */
export function sealPayload(
  keys: VolumeKeys,
  name: Uint8Array,
  payload: Uint8Array,
  compressed: boolean,
  rawBytes: number,
  target: Uint8Array,
  offset: number,
): number {
  const header: ChunkHeader = { compressed, rawBytes, nonce: new Uint8Array(NONCE_BYTES) };
  const head = new Uint8Array(CHUNK_HEADER_BYTES);
  writeChunkHeader(head, 0, header);
  const bound = head.subarray(0, CHUNK_HEADER_BYTES - NONCE_BYTES);
  header.nonce = keyedHash(keys.nonce, name, bound, payload).subarray(0, NONCE_BYTES);
  writeChunkHeader(head, 0, header);
  target.set(head, offset);
  const at = offset + CHUNK_HEADER_BYTES;
  const associated = concatBytes(head, name);
  return (
    CHUNK_HEADER_BYTES +
    sealInto(target, at, chunkKey(keys, name), header.nonce, associated, payload)
  );
}

/** Opens a sealed chunk and checks it against its name.
 * @param target has room for the raw bytes, else a fresh array is made
 * @returns the raw bytes, a view into `target` where that was given
 * @throws ObjectError CHUNK_FORGED; CodecError VERSION_UNKNOWN | FORMAT_MALFORMED */
export function openChunk(
  keys: VolumeKeys,
  name: Uint8Array,
  sealed: Uint8Array,
  target?: Uint8Array,
): Uint8Array {
  const head = sealed.subarray(0, CHUNK_HEADER_BYTES);
  const header = readChunkHeader(head);
  const body = sealed.subarray(CHUNK_HEADER_BYTES);
  if (header.compressed || target === undefined || target.length < header.rawBytes) {
    const payload = new Uint8Array(Math.max(body.length - TAG_BYTES, 0));
    openPayload(keys, name, header, head, body, payload);
    const raw = header.compressed ? decompress(payload, header.rawBytes) : payload;
    const checked = checkRaw(keys, name, header, raw);
    if (target === undefined) return checked;
    if (target.length < checked.length) throw forged("longer than its place");
    target.set(checked);
    return target.subarray(0, checked.length);
  }
  if (body.length - TAG_BYTES !== header.rawBytes) throw forged("of another length than it says");
  openPayload(keys, name, header, head, body, target);
  return checkRaw(keys, name, header, target.subarray(0, header.rawBytes));
}

/** The length of the raw bytes that a sealed chunk says it has; unchecked until it is opened. */
export function rawBytesOf(sealed: Uint8Array): number {
  return readChunkHeader(sealed.subarray(0, CHUNK_HEADER_BYTES)).rawBytes;
}

function chunkKey(keys: VolumeKeys, name: Uint8Array): Uint8Array {
  const key = deriveKey("chunk key", keys.content, name);
  return key.subarray(0, KEY_BYTES);
}

function openPayload(
  keys: VolumeKeys,
  name: Uint8Array,
  header: ChunkHeader,
  head: Uint8Array,
  body: Uint8Array,
  target: Uint8Array,
): void {
  try {
    openInto(target, chunkKey(keys, name), header.nonce, concatBytes(head, name), body);
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    throw forged("not sealed with its key", cause);
  }
}

/** The name binds the key: bytes that open but have another name are refused. */
function checkRaw(
  keys: VolumeKeys,
  name: Uint8Array,
  header: ChunkHeader,
  raw: Uint8Array | undefined,
): Uint8Array {
  if (raw === undefined || raw.length !== header.rawBytes)
    throw forged("not what it decompresses to");
  if (!equalBytes(chunkNameOf(keys, raw), name)) throw forged("other bytes than its name says");
  return raw;
}

function forged(what: string, cause?: unknown): ObjectError {
  return new ObjectError(
    "CHUNK_FORGED",
    `a chunk is ${what}`,
    cause === undefined ? {} : { cause },
  );
}
