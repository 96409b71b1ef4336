import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";

const LEVEL = 3;
const SAMPLE_LEVEL = 1;
const HISTOGRAM_BYTES = 4096;
const HISTOGRAM_MIN_BYTES = 512;
const RANDOM_BITS_MIN = 7.93;
const SAMPLE_BYTES = 32 * 1024;
/** Compression is kept where it saves at least this share. */
const SAVING_MIN = 0.05;
/** A frame that wants a window of more than 8 MiB is refused: that is what decoding it would take,
 * and what RFC 8878, section 3.1.1.1.2, asks decoders to support. */
const WINDOW_LOG_MAX = 23;

function compress(bytes: Uint8Array, level: number): Uint8Array {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: level } });
}

const counts = new Uint32Array(256);

/** Whether bytes from the middle are as evenly spread as chance would have them: encrypted, packed
 * or coded already. For small chunks this costs a tenth of what trying to compress them does.
 * A sample of n bytes shows about 255 / (2 n ln 2) bits less entropy than its source has (Miller,
 * 1955). */
function looksRandom(bytes: Uint8Array): boolean {
  const length = Math.min(bytes.length, HISTOGRAM_BYTES);
  if (length < HISTOGRAM_MIN_BYTES) return false;
  const from = (bytes.length - length) >>> 1;
  counts.fill(0);
  for (let at = from; at < from + length; at++) {
    const byte = bytes[at] ?? 0;
    counts[byte] = (counts[byte] ?? 0) + 1;
  }
  let sum = 0;
  for (const count of counts) if (count > 0) sum += count * Math.log2(count);
  const bits = Math.log2(length) - sum / length + 255 / (2 * length * Math.LN2);
  return bits >= RANDOM_BITS_MIN;
}

/** The zstd frame of `bytes` where a sample from the middle and the result both say that it saves
 * at least 5 %, else undefined. */
export function compressIfSmaller(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < 64 || looksRandom(bytes)) return undefined;
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
