import { assert } from "../../base/assert.ts";
import { base32Encode } from "../../base/base32.ts";
import { CodecError } from "../../codec/error.ts";
import type { TreeEntry } from "../../codec/tree.ts";
import { rawBytesOf } from "../../object/chunk.ts";
import { VolumeError } from "../error.ts";
import type { ChunkRow, IndexStore } from "../index/store.ts";
import type { TreeReader } from "../tree/read.ts";
import type { DirectoryEnd, OpenItem, OpenPiece, PieceUse } from "./messages.ts";
import { walkTree } from "./walk.ts";

/** What is planned at once: bounds memory whatever the tree's size. */
const WINDOW_CHUNKS_MAX = 20_000;
const WINDOW_ITEMS_MAX = 4096;

/** A file as far as its chunks are in a window. Where a chunk goes is known once those before it
 * have been seen, since only a chunk itself says how long it is. */
class PlanFile {
  readonly id: number;
  readonly sizeBytes: number;
  /** Lengths of the window's chunks, by position. */
  readonly #rawBytes: (number | undefined)[] = [];
  readonly #offsets: number[] = [];
  #nextOffset = 0;
  #positions = 0;

  constructor(id: number, sizeBytes: number) {
    this.id = id;
    this.sizeBytes = sizeBytes;
  }

  /** Position of the file's next chunk in this window. */
  addChunk(): number {
    return this.#positions++;
  }

  seen(position: number, rawBytes: number): void {
    this.#rawBytes[position] = rawBytes;
    for (;;) {
      const next = this.#rawBytes[this.#offsets.length];
      if (next === undefined) return;
      this.#offsets.push(this.#nextOffset);
      this.#nextOffset += next;
      if (this.#nextOffset > this.sizeBytes) throw wrongSize();
    }
  }

  offsetOf(position: number): number | undefined {
    return this.#offsets[position];
  }

  /** Forgets the window; the next one goes on from here.
   * @param isLast there is no further window of this file */
  endWindow(isLast: boolean): void {
    assert(this.#offsets.length === this.#positions, "a window ends when all its chunks were seen");
    this.#rawBytes.length = 0;
    this.#offsets.length = 0;
    this.#positions = 0;
    if (isLast && this.#nextOffset !== this.sizeBytes) throw wrongSize();
  }
}

interface PlanChunk extends ChunkRow {
  name: Uint8Array;
  uses: { file: PlanFile; position: number }[];
}

/** The chunks that are wanted of one pack, by their offset in it. */
export class PlanPack {
  readonly id: number;
  readonly #chunks = new Map<number, PlanChunk>();

  constructor(id: number) {
    this.id = id;
  }

  get ranges(): { start: number; end: number }[] {
    return [...this.#chunks.values()].map(({ offset, lengthBytes }) => ({
      start: offset,
      end: offset + lengthBytes,
    }));
  }

  add(name: Uint8Array, row: ChunkRow, file: PlanFile): void {
    const use = { file, position: file.addChunk() };
    const chunk = this.#chunks.get(row.offset);
    if (chunk === undefined) this.#chunks.set(row.offset, { ...row, name, uses: [use] });
    else chunk.uses.push(use);
  }

  /** Takes what can be written of the pack that lies at `packAt`; what goes behind chunks of other
   * packs that were not seen yet stays, for a second look when all were.
   * @returns pieces in the order of files and offsets */
  take(bytes: Uint8Array, packAt: number): OpenPiece[] {
    for (const { offset, lengthBytes, uses } of this.#chunks.values()) {
      const at = packAt + offset;
      const rawBytes = rawBytesOf(bytes.subarray(at, at + lengthBytes));
      for (const { file, position } of uses) file.seen(position, rawBytes);
    }
    const pieces: OpenPiece[] = [];
    for (const chunk of this.#chunks.values()) {
      const at = packAt + chunk.offset;
      const { name, lengthBytes } = chunk;
      const rawBytes = rawBytesOf(bytes.subarray(at, at + lengthBytes));
      const uses: PieceUse[] = [];
      chunk.uses = chunk.uses.filter(({ file, position }) => {
        const offset = file.offsetOf(position);
        if (offset !== undefined) uses.push({ file: file.id, offset });
        return offset === undefined;
      });
      if (uses.length > 0 && rawBytes > 0) pieces.push({ name, at, lengthBytes, rawBytes, uses });
      if (chunk.uses.length === 0) this.#chunks.delete(chunk.offset);
    }
    return pieces.sort(comparePieces);
  }

  /** Whether everything was taken. */
  get isDone(): boolean {
    return this.#chunks.size === 0;
  }
}

/** Some of a tree: what to make, the packs to read in the order of their first use, and the
 * directories that are complete afterwards. */
export class PlanWindow {
  readonly items: OpenItem[] = [];
  readonly finished: DirectoryEnd[] = [];
  readonly #packs = new Map<number, PlanPack>();
  readonly #files = new Map<PlanFile, { isLast: boolean }>();
  #chunks = 0;

  get packs(): PlanPack[] {
    return [...this.#packs.values()];
  }

  get isFull(): boolean {
    const items = this.items.length + this.finished.length;
    return this.#chunks >= WINDOW_CHUNKS_MAX || items >= WINDOW_ITEMS_MAX;
  }

  addChunk(file: PlanFile, name: Uint8Array, row: ChunkRow): void {
    const pack = this.#packs.get(row.pack) ?? new PlanPack(row.pack);
    this.#packs.set(row.pack, pack);
    pack.add(name, row, file);
    this.#chunks++;
  }

  /** Notes that a file has chunks in this window, and whether they are its last. */
  addFile(file: PlanFile, isLast: boolean): void {
    this.#files.set(file, { isLast });
  }

  /** Called when all packs are done.
   * @throws CodecError FORMAT_MALFORMED where a file's chunks are not as long as the file */
  end(): void {
    for (const [file, { isLast }] of this.#files) file.endWindow(isLast);
  }
}

/** Plans the restore of `entry` to `path`, one window after the other; a window is planned when the
 * one before it is done.
 * @throws VolumeError CHUNK_MISSING */
export async function* planWindows(
  tree: TreeReader,
  index: IndexStore,
  entry: TreeEntry,
  path: Uint8Array,
  signal: AbortSignal,
): AsyncGenerator<PlanWindow> {
  let window = new PlanWindow();
  let files = 0;
  for await (const step of walkTree(tree, entry, path, signal)) {
    if (window.isFull) {
      yield window;
      window = new PlanWindow();
    }
    if (step.step === "enter") window.items.push({ kind: "directory", path: step.path });
    else if (step.step === "leave") window.finished.push(step.directory);
    else if (step.step === "symlink") {
      const { target, mtimeNs } = step.entry;
      window.items.push({ kind: "symlink", path: step.path, content: target, mtimeNs });
    } else {
      const { sizeBytes, mode, mtimeNs, content } = step.entry;
      const file = new PlanFile(files++, sizeBytes);
      window.items.push({ kind: "file", id: file.id, path: step.path, sizeBytes, mode, mtimeNs });
      for await (const name of tree.contentNames(content, signal)) {
        if (window.isFull) {
          window.addFile(file, false);
          yield window;
          window = new PlanWindow();
        }
        window.addChunk(file, name, findChunk(index, name));
      }
      window.addFile(file, true);
    }
  }
  yield window;
}

/** Where a chunk lies.
 * @throws VolumeError CHUNK_MISSING */
export function findChunk(index: IndexStore, name: Uint8Array): ChunkRow {
  const row = index.findChunk(name);
  if (row !== undefined) return row;
  // A name is secret: the first characters are enough to tell two reports apart.
  const shown = base32Encode(name).slice(0, 8);
  throw new VolumeError("CHUNK_MISSING", `the index does not know chunk ${shown}…`, {
    hint: "the index is older than the tree: restart the daemon while your peers are online",
  });
}

function comparePieces({ uses: [a] }: OpenPiece, { uses: [b] }: OpenPiece): number {
  if (a === undefined || b === undefined) return 0;
  return a.file === b.file ? a.offset - b.offset : a.file - b.file;
}

function wrongSize(): CodecError {
  return new CodecError("FORMAT_MALFORMED", "tree: a file's chunks are not as long as the file");
}
