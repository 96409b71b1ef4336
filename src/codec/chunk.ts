import { assert } from "../base/assert.ts";
import { CHUNK_MAX_BYTES } from "../base/limits.ts";
import { malformed, unknownVersion } from "./error.ts";

/** version 1 ‖ flags 1 ‖ rawLength u32 ‖ nonce 12, little-endian. */
export const CHUNK_HEADER_BYTES = 18;

export interface ChunkHeader {
  /** Whether the payload is one zstd frame. */
  compressed: boolean;
  /** Length of the plaintext, 0 to CHUNK_MAX_BYTES. */
  rawBytes: number;
  /** 12 bytes. */
  nonce: Uint8Array;
}

const VERSION = 1;
const FLAG_ZSTD = 1;
const RAW_AT = 2;
const NONCE_AT = 6;
const NONCE_BYTES = CHUNK_HEADER_BYTES - NONCE_AT;

/** Writes a header of 18 bytes into `target` at `offset`. */
export function writeChunkHeader(target: Uint8Array, offset: number, header: ChunkHeader): void {
  assert(header.nonce.length === NONCE_BYTES, "a chunk's nonce has 12 bytes");
  assert(header.rawBytes >= 0 && header.rawBytes <= CHUNK_MAX_BYTES, "a chunk has at most 4 MiB");
  target[offset] = VERSION;
  target[offset + 1] = header.compressed ? FLAG_ZSTD : 0;
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  view.setUint32(offset + RAW_AT, header.rawBytes, true);
  target.set(header.nonce, offset + NONCE_AT);
}

/** Reads the header that `bytes` begin with. The nonce is a view into them.
 * @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED
 * @see docs/format/chunk.md */
export function readChunkHeader(bytes: Uint8Array): ChunkHeader {
  if (bytes.length === 0) throw malformed("chunk", "no bytes");
  if (bytes[0] !== VERSION) throw unknownVersion("chunk", bytes[0]!, VERSION);
  if (bytes.length < CHUNK_HEADER_BYTES) {
    throw malformed("chunk", `${bytes.length} bytes, a header has ${CHUNK_HEADER_BYTES}`);
  }
  const flags = bytes[1]!;
  if ((flags & ~FLAG_ZSTD) !== 0) throw malformed("chunk", `unknown flags ${flags}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, CHUNK_HEADER_BYTES);
  const rawBytes = view.getUint32(RAW_AT, true);
  if (rawBytes > CHUNK_MAX_BYTES) {
    throw malformed("chunk", `${rawBytes} plaintext bytes, at most ${CHUNK_MAX_BYTES}`);
  }
  const nonce = bytes.subarray(NONCE_AT, CHUNK_HEADER_BYTES);
  return { compressed: flags === FLAG_ZSTD, rawBytes, nonce };
}
