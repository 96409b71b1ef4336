import { CHUNK_MAX_BYTES, CHUNK_MIN_BYTES, MIB } from "../../base/limits.ts";
import type { Arena } from "../../kernels/arena.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import type { SourceFile } from "../../ports/source.ts";
import type { Packer } from "./packer.ts";

/** Bytes of a file that are in memory at once: room for the longest chunk and a good read. */
export const STAGING_BYTES = 8 * MIB;

export interface FileParts {
  arena: Arena;
  kernels: Kernels;
  packer: Packer;
  /** Where STAGING_BYTES of the arena are free for this. */
  stagingAt: number;
  /** Counts source bytes as they are stored; takes back those of a reading that does not count. */
  onBytes: (lengthBytes: number) => void;
}

/** What gives a file's bytes in order: fills `target` from its start; 0 means the end. */
export type ByteSource = (target: Uint8Array) => number | Promise<number>;

/** Reads an open file from its start. */
export function bytesOfFile(file: SourceFile): ByteSource {
  let offset = 0;
  return (target) => {
    const got = file.read(target, offset);
    offset += got;
    return got;
  };
}

/** Cuts a stream of bytes into chunks and stores them.
 * @param limitBytes stops there, where more is left
 * @returns names in order and the number of bytes */
export async function storeBytes(
  parts: FileParts,
  source: ByteSource,
  limitBytes = Number.MAX_SAFE_INTEGER,
): Promise<{ names: Uint8Array[]; sizeBytes: number }> {
  const { arena, kernels, packer, stagingAt } = parts;
  const staging = arena.bytes.subarray(stagingAt, stagingAt + STAGING_BYTES);
  const names: Uint8Array[] = [];
  let sizeBytes = 0;
  let readBytes = 0;
  let start = 0;
  let end = 0;
  let ended = false;
  for (;;) {
    if (!ended && end - start < CHUNK_MAX_BYTES) {
      staging.copyWithin(0, start, end);
      end -= start;
      start = 0;
      while (!ended && end < STAGING_BYTES) {
        const room = Math.min(STAGING_BYTES - end, limitBytes - readBytes);
        const filled = source(staging.subarray(end, end + room));
        const got = room === 0 ? 0 : typeof filled === "number" ? filled : await filled;
        ended = got === 0;
        end += got;
        readBytes += got;
        // A short file needs no second look for its end to be known as its only chunk.
        if (got > 0 && end - start >= CHUNK_MAX_BYTES) break;
      }
    }
    const have = end - start;
    if (have === 0) return { names, sizeBytes };
    const small = ended && have <= CHUNK_MIN_BYTES;
    const cut = small ? have : kernels.nextCut(stagingAt + start, have, ended);
    const named = packer.add("data", staging.subarray(start, start + cut));
    names.push(named instanceof Uint8Array ? named : await named);
    parts.onBytes(cut);
    sizeBytes += cut;
    start += cut;
  }
}
