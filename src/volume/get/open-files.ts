import { assert } from "../../base/assert.ts";
import type { TargetFile, TargetFiles } from "../../ports/target.ts";
import type { OpenCounts, OpenItem } from "./messages.ts";
import { targetError } from "./target-error.ts";

type FileItem = Extract<OpenItem, { kind: "file" }>;

interface Pending {
  item: FileItem;
  /** Undefined until its first byte. */
  target: TargetFile | undefined;
  leftBytes: number;
}

/** Files that keep their descriptors between writes. */
const ACTIVE_MAX = 32;

/** The files that a restore has begun: each is made with its first byte and put in its place with
 * its last, so that nothing incomplete is ever seen under its name. */
export class OpenFiles {
  readonly counts: OpenCounts = { files: 0, bytes: 0 };
  readonly #target: TargetFiles;
  readonly #pending = new Map<number, Pending>();
  /** The one written last comes last. */
  readonly #active = new Set<TargetFile>();

  constructor(target: TargetFiles) {
    this.#target = target;
  }

  /** Takes note of a file; an empty one is complete at once. */
  expect(item: FileItem): void {
    this.#pending.set(item.id, { item, target: undefined, leftBytes: item.sizeBytes });
    if (item.sizeBytes === 0) this.written(item.id, 0);
  }

  /** Writes bytes of a file: aligned ones are big and may go past the system's cache. */
  write(id: number, bytes: Uint8Array, offset: number, aligned: boolean): void {
    const file = this.#file(id);
    try {
      const target = this.#use(file);
      if (aligned) target.writeAligned(bytes, offset);
      else target.write(bytes, offset);
    } catch (error) {
      throw targetError(error, file.item.path);
    }
  }

  /** Counts bytes of a file that were written, each once; the last ones complete it. */
  written(id: number, lengthBytes: number): void {
    const file = this.#file(id);
    file.leftBytes -= lengthBytes;
    assert(file.leftBytes >= 0, "the plan writes no file beyond its size");
    this.counts.bytes += lengthBytes;
    if (file.leftBytes > 0) return;
    const { path, mode, mtimeNs } = file.item;
    try {
      const target = this.#use(file);
      target.commit(mode, mtimeNs);
      this.#active.delete(target);
    } catch (error) {
      throw targetError(error, path);
    }
    this.#pending.delete(id);
    this.counts.files++;
  }

  /** Removes what is not complete. */
  abort(): void {
    for (const { target } of this.#pending.values()) target?.abort();
    this.#pending.clear();
    this.#active.clear();
  }

  #file(id: number): Pending {
    const file = this.#pending.get(id);
    assert(file !== undefined, "a file is expected before it is written");
    return file;
  }

  #use(file: Pending): TargetFile {
    const target = (file.target ??= this.#target.create(file.item.path));
    this.#active.delete(target);
    this.#active.add(target);
    if (this.#active.size > ACTIVE_MAX) {
      const [oldest] = this.#active;
      oldest?.park();
      if (oldest !== undefined) this.#active.delete(oldest);
    }
    return target;
  }
}
