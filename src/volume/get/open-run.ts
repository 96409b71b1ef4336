import { MIB } from "../../base/limits.ts";
import { openChunk } from "../../object/chunk.ts";
import type { VolumeKeys } from "../../object/keys.ts";
import { TARGET_ALIGN_BYTES } from "../../ports/target.ts";
import type { Arena } from "../../kernels/arena.ts";
import type { OpenPiece, PieceUse } from "./messages.ts";
import type { OpenFiles } from "./open-files.ts";
import { STAGING_BYTES } from "./memory.ts";

/** Opened bytes are written when there are so many. */
const WRITE_BYTES = 4 * MIB;
/** Fewer aligned bytes than this go through the system's cache, which gathers small writes. */
const DIRECT_MIN_BYTES = MIB;

/** Opens chunks one behind the other into a staging buffer, as long as they follow each other in
 * one file, and writes them in few large pieces. The buffer lies at the same offset within a page
 * as in the file, so that whole pages can go to the disk without a copy. */
export class OpenRun {
  readonly #keys: VolumeKeys;
  readonly #files: OpenFiles;
  readonly #arena: Arena;
  readonly #staging: Uint8Array;
  /** The file that is being filled, and the offset in it of the first byte in the buffer. */
  #file: number | undefined;
  #fileOffset = 0;
  /** The buffer's filled part. */
  #start = 0;
  #end = 0;

  constructor(keys: VolumeKeys, files: OpenFiles, arena: Arena, stagingAt: number) {
    this.#keys = keys;
    this.#files = files;
    this.#arena = arena;
    this.#staging = arena.bytes.subarray(stagingAt, stagingAt + STAGING_BYTES);
  }

  /** Opens one chunk and writes it, or keeps it for the next write, wherever it is used.
   * @throws ObjectError CHUNK_FORGED; VolumeError TARGET_FULL | TARGET_BLOCKED */
  add(piece: OpenPiece): void {
    const [use, ...others] = piece.uses;
    if (use === undefined) return;
    if (others.length > 0) return this.#addMany(piece);
    if (use.file !== this.#file || use.offset !== this.#fileOffset + this.#end - this.#start) {
      this.flush();
      this.#begin(use);
    }
    this.#open(piece);
    if (this.#end - this.#start >= WRITE_BYTES) this.#write(false);
  }

  /** Writes what is kept. */
  flush(): void {
    if (this.#end > this.#start) this.#write(true);
    this.#file = undefined;
  }

  /** Forgets what is kept. */
  drop(): void {
    this.#file = undefined;
    this.#end = this.#start;
  }

  #begin({ file, offset }: PieceUse): void {
    this.#file = file;
    this.#fileOffset = offset;
    this.#start = offset % TARGET_ALIGN_BYTES;
    this.#end = this.#start;
  }

  #open({ name, at, lengthBytes }: OpenPiece): void {
    const sealed = this.#arena.bytes.subarray(at, at + lengthBytes);
    this.#end += openChunk(this.#keys, name, sealed, this.#staging.subarray(this.#end)).length;
  }

  /** A chunk that is used in several places is opened once. */
  #addMany(piece: OpenPiece): void {
    this.flush();
    this.#start = 0;
    this.#end = 0;
    this.#open(piece);
    const raw = this.#staging.subarray(0, this.#end);
    this.#end = 0;
    for (const { file, offset } of piece.uses) {
      const isAligned =
        raw.length >= DIRECT_MIN_BYTES && (offset | raw.length) % TARGET_ALIGN_BYTES === 0;
      this.#files.write(file, raw, offset, isAligned);
      this.#files.written(file, raw.length);
    }
  }

  /** Writes the filled part; unless it is the last of its run, what does not fill a page stays. */
  #write(isLast: boolean): void {
    const file = this.#file;
    if (file === undefined) return;
    const start = this.#start;
    const end = this.#end;
    const firstPage = Math.ceil(start / TARGET_ALIGN_BYTES) * TARGET_ALIGN_BYTES;
    const lastPage = Math.floor(end / TARGET_ALIGN_BYTES) * TARGET_ALIGN_BYTES;
    const offsetOf = (at: number): number => this.#fileOffset + at - start;
    const put = (from: number, to: number, aligned: boolean): void => {
      if (to <= from) return;
      this.#files.write(file, this.#staging.subarray(from, to), offsetOf(from), aligned);
    };
    const isDirect = lastPage - firstPage >= DIRECT_MIN_BYTES;
    const upTo = isLast ? end : lastPage;
    if (isDirect) {
      put(start, firstPage, false);
      put(firstPage, lastPage, true);
      put(lastPage, upTo, false);
    } else put(start, upTo, false);
    this.#staging.copyWithin(0, upTo, end);
    this.#fileOffset = offsetOf(upTo);
    this.#start = 0;
    this.#end = end - upTo;
    this.#files.written(file, upTo - start);
  }
}
