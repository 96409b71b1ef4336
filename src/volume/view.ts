import { idOf, parseId } from "../base/id.ts";
import type { Id } from "../base/id.ts";
import { decodeSnapshot } from "../codec/snapshot.ts";
import type { Snapshot } from "../codec/snapshot.ts";
import type { TreeEntry } from "../codec/tree.ts";
import type { VolumeKeys } from "../object/keys.ts";
import { contentIdOf } from "./content-id.ts";
import { VolumeError } from "./error.ts";
import type { Getter } from "./get/get.ts";
import type { IndexStore } from "./index/store.ts";
import type { VolumeState } from "./publish/state.ts";
import type { Entry, SnapshotInfo } from "./service.ts";
import { listEntries } from "./tree/list.ts";
import { parseVolumePath, quote } from "./tree/path.ts";
import type { VolumePath } from "./tree/path.ts";

export interface ViewParts {
  getter: Getter;
  keys: VolumeKeys;
  index: IndexStore;
  /** The volume's state, recovered where it must be. */
  state: (signal: AbortSignal) => Promise<VolumeState>;
}

export interface ListOptions {
  recursive: boolean;
  limit: number;
  after?: string;
}

const PAGE = 1000;

/** A volume as it can be looked at: its entries, snapshots and contents. */
export class VolumeView {
  readonly #parts: ViewParts;

  constructor(parts: ViewParts) {
    this.#parts = parts;
  }

  /** The entry at a path, now or in snapshot `at`.
   * @throws VolumeError PATH_MISSING | SNAPSHOT_MISSING | PATH_MALFORMED | VOLUME_UNKNOWN */
  async entryAt(path: string, at: number | undefined, signal: AbortSignal): Promise<TreeEntry> {
    const { names, text } = parseVolumePath(path);
    const tree = await this.#treeAt(at, signal);
    if (tree === undefined) {
      throw new VolumeError("PATH_MISSING", "nothing was put yet", {
        hint: "`holdfast put PATH /NAME` stores a file or folder",
      });
    }
    if (names.length === 0) {
      const head = { name: new Uint8Array(), mode: 0o755, mtimeNs: 0n };
      return { ...head, kind: "directory", subtree: tree };
    }
    const entry = await this.#parts.getter.tree.find(tree, names, signal);
    if (entry !== undefined) return entry;
    throw new VolumeError("PATH_MISSING", `there is nothing at ${quote(text)}`, {
      hint: "`holdfast ls` shows what there is",
    });
  }

  /** What is moved to where a folder lies was meant to go into it.
   * @throws VolumeError PATH_KIND */
  async refuseFolderAt({ names, text }: VolumePath, signal: AbortSignal): Promise<void> {
    const tree = await this.#treeAt(undefined, signal);
    if (tree === undefined || names.length === 0) return;
    const entry = await this.#parts.getter.tree.find(tree, names, signal);
    if (entry?.kind !== "directory") return;
    throw new VolumeError("PATH_KIND", `there is a folder at ${quote(text)}`, {
      hint: `name the new path in it, as in ${text}/name; or \`holdfast rm\` the folder first`,
    });
  }

  /** A page of what lies at a path. An empty volume has an empty root. */
  async list(path: string, options: ListOptions, signal: AbortSignal): Promise<Entry[]> {
    const { getter, keys } = this.#parts;
    const { names, text } = parseVolumePath(path);
    if (names.length === 0 && (await this.#treeAt(undefined, signal)) === undefined) return [];
    const entry = await this.entryAt(path, undefined, signal);
    return listEntries(getter.tree, keys, text, entry, options, signal);
  }

  /** Snapshots, newest first: all, or those that changed what lies at a path. */
  async history(path: string | undefined, signal: AbortSignal): Promise<SnapshotInfo[]> {
    const names = path === undefined ? undefined : parseVolumePath(path).names;
    const infos: SnapshotInfo[] = [];
    let seen: { info: SnapshotInfo; content: string } | undefined;
    for await (const snapshot of this.#snapshots(signal)) {
      const { number, timeMs, device, message } = snapshot;
      const info = { number, timeMs, device, message };
      if (names === undefined) {
        infos.push(info);
        continue;
      }
      const entry = await this.#parts.getter.tree.find(snapshot.tree, names, signal);
      const content = entry === undefined ? "" : idOf(contentIdOf(this.#parts.keys, entry));
      // They come newest first: the oldest of a run of equal states is the one that made it.
      if (seen !== undefined && seen.content !== content) infos.push(seen.info);
      seen = { info, content };
    }
    if (seen !== undefined && seen.content !== "") infos.push(seen.info);
    return infos;
  }

  /** Where something with this content id lies now, or lay when it was put. */
  async findContent(id: Id, signal: AbortSignal): Promise<string | undefined> {
    const bytes = parseId(id);
    if (bytes === undefined) return undefined;
    const known = this.#parts.index.findContent(bytes);
    if (known !== undefined) return known;
    for (let after: string | undefined; ;) {
      const options = { recursive: true, limit: PAGE, ...(after === undefined ? {} : { after }) };
      const page = await this.list("/", options, signal);
      const found = page.find(({ contentId }) => contentId === id);
      if (found !== undefined || page.length === 0) return found?.path;
      after = page.at(-1)?.path;
    }
  }

  async #treeAt(at: number | undefined, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const state = await this.#parts.state(signal);
    if (at === undefined || at === state.snapshotNumber) return state.tree;
    for await (const snapshot of this.#snapshots(signal)) {
      if (snapshot.number === at) return snapshot.tree;
    }
    throw new VolumeError("SNAPSHOT_MISSING", `there is no snapshot ${at}`, {
      hint: "`holdfast history` lists the snapshots",
    });
  }

  /** All snapshots of this device, newest first. */
  async *#snapshots(signal: AbortSignal): AsyncIterable<Snapshot> {
    const { chunks } = this.#parts.getter;
    for (let name = (await this.#parts.state(signal)).snapshot; name !== undefined;) {
      const snapshot = decodeSnapshot(await chunks.readChunk(name, { peersOnly: false }, signal));
      yield snapshot;
      name = snapshot.parents.find(({ device }) => device === snapshot.device)?.snapshot;
    }
  }
}
