import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";

const LEVEL = 3;
const SAMPLE_LEVEL = 1;
const SAMPLE_BYTES = 32 * 1024;
/** Compression is kept where it saves at least this share. */
const SAVING_MIN = 0.05;

function compress(bytes: Uint8Array, level: number): Uint8Array {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: level } });
}

/** The zstd frame of `bytes` where a sample from the middle and the result both say that it saves
 * at least 5 %, else undefined. */
export function compressIfSmaller(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < 64) return undefined;
  if (bytes.length > SAMPLE_BYTES * 2) {
    const from = (bytes.length - SAMPLE_BYTES) >>> 1;
    const sample = bytes.subarray(from, from + SAMPLE_BYTES);
    if (compress(sample, SAMPLE_LEVEL).length > sample.length * (1 - SAVING_MIN)) return undefined;
  }
  const frame = compress(bytes, LEVEL);
  return frame.length <= bytes.length * (1 - SAVING_MIN) ? frame : undefined;
}

/** The bytes of a zstd frame, or undefined where it is not one of exactly `rawBytes` bytes.
 * Never allocates more than `rawBytes`. */
export function decompress(frame: Uint8Array, rawBytes: number): Uint8Array | undefined {
  try {
    const raw = zstdDecompressSync(frame, { maxOutputLength: Math.max(rawBytes, 1) });
    return raw.length === rawBytes ? raw : undefined;
  } catch {
    return undefined;
  }
}
