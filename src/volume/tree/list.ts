import { compareBytes, fromUtf8, utf8 } from "../../base/bytes.ts";
import { idOf } from "../../base/id.ts";
import type { TreeEntry } from "../../codec/tree.ts";
import type { VolumeKeys } from "../../object/keys.ts";
import { contentIdOf } from "../content-id.ts";
import type { Entry } from "../service.ts";
import type { TreeReader } from "./read.ts";

export interface ListWish {
  recursive: boolean;
  limit: number;
  /** The last path of the page before. */
  after?: string;
}

/** Lists what an entry holds: a directory's entries in the order of their names, each directory
 * before what lies in it; a file or link lists itself.
 * @param base the entry's own path as text, `/` or without a slash at its end
 * @returns at most `limit` entries */
export async function listEntries(
  tree: TreeReader,
  keys: VolumeKeys,
  base: string,
  entry: TreeEntry,
  wish: ListWish,
  signal: AbortSignal,
): Promise<Entry[]> {
  if (entry.kind !== "directory") return wish.after === undefined ? [shown(keys, base, entry)] : [];
  const root = base === "/" ? "" : base;
  const after =
    wish.after?.startsWith(`${root}/`) === true ? wish.after.slice(root.length + 1) : "";
  const resume = after === "" ? [] : after.split("/").map(utf8);
  const page: Entry[] = [];
  for await (const [path, found] of walk(tree, root, entry.subtree, resume, wish, signal)) {
    page.push(shown(keys, path, found));
    if (page.length >= wish.limit) break;
  }
  return page;
}

/** Entries after the path `resume`, whose directories alone are entered again. */
async function* walk(
  tree: TreeReader,
  base: string,
  directory: Uint8Array,
  resume: readonly Uint8Array[],
  wish: ListWish,
  signal: AbortSignal,
): AsyncGenerator<[path: string, entry: TreeEntry]> {
  const [last, ...below] = resume;
  for await (const entry of tree.readDirectory(directory, signal)) {
    const path = `${base}/${shownName(entry.name)}`;
    const order = last === undefined ? 1 : compareBytes(utf8(shownName(entry.name)), last);
    if (order < 0) continue;
    if (order > 0) yield [path, entry];
    if (!wish.recursive || entry.kind !== "directory") continue;
    yield* walk(tree, path, entry.subtree, order === 0 ? below : [], wish, signal);
  }
}

function shown(keys: VolumeKeys, path: string, entry: TreeEntry): Entry {
  return {
    path,
    kind: entry.kind,
    sizeBytes: entry.kind === "file" ? entry.sizeBytes : 0,
    mtimeMs: Number(entry.mtimeNs / 1_000_000n),
    mode: entry.mode,
    contentId: idOf(contentIdOf(keys, entry)),
  };
}

/** The text of a name that may not be valid UTF-8. */
function shownName(name: Uint8Array): string {
  return fromUtf8(name) ?? String.fromCharCode(...name);
}
