import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";

const LEVEL = 3;
const SAMPLE_LEVEL = 1;
const SAMPLE_BYTES = 32 * 1024;
/** Compression is kept where it saves at least this share. */
const SAVING_MIN = 0.05;
/** A frame that wants a window of more than 8 MiB is refused: that is what decoding it would take,
 * and what RFC 8878, section 3.1.1.1.2, asks decoders to support. */
const WINDOW_LOG_MAX = 23;

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
 * What it allocates is bounded by `rawBytes` and the largest window, whatever the frame says. */
export function decompress(frame: Uint8Array, rawBytes: number): Uint8Array | undefined {
  try {
    const raw = zstdDecompressSync(frame, {
      maxOutputLength: Math.max(rawBytes, 1),
      params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
    });
    if (raw.length !== rawBytes) return undefined;
    // Not as a Buffer: what slices it must get a copy.
    return new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength);
  } catch {
    return undefined;
  }
}
