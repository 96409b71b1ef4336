import { compareBytes } from "../../base/bytes.ts";
import { encodeNameList, encodeTreeNode } from "../../codec/tree.ts";
import type { ContentRef, TreeEntry } from "../../codec/tree.ts";
import { hash } from "../../crypto/hash.node.ts";

/** Takes one encoded node and gives its chunk name. */
export type NodeSink = (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/** Names that a tree entry itself lists; longer lists go into list nodes. */
const INLINE_NAMES_MAX = 64;
/** A node ends after a name whose hash begins so: on average every 1,024th. So a change moves no
 * border but those beside it. */
const BORDER_MASK = 0x3ff;
const NODE_ESTIMATE_MAX_BYTES = 512 * 1024;
const CHILDREN_MAX = 8192;
/** What a node's or chunk's name takes in its parent, at most. */
const CHILD_BYTES = 40;

/** Stores a directory's entries as nodes of bounded size.
 * @param entries in any order; sorted here by the bytes of their names
 * @returns the name of the topmost node */
export async function writeDirectory(entries: TreeEntry[], sink: NodeSink): Promise<Uint8Array> {
  entries.sort((a, b) => compareBytes(a.name, b.name));
  const children: { first: Uint8Array; node: Uint8Array }[] = [];
  for (const group of groupsOf(entries, ({ name }) => name, estimateBytes)) {
    const node = await sink(encodeTreeNode({ kind: "leaf", entries: group }));
    children.push({ first: group[0]?.name ?? new Uint8Array(), node });
  }
  return writeBranches(children, sink);
}

async function writeBranches(
  children: { first: Uint8Array; node: Uint8Array }[],
  sink: NodeSink,
): Promise<Uint8Array> {
  let level = children;
  while (level.length > 1) {
    const above: typeof level = [];
    for (const group of groupsOf(
      level,
      ({ node }) => node,
      ({ first }) => first.length + CHILD_BYTES,
    )) {
      const node = await sink(encodeTreeNode({ kind: "branch", children: group }));
      above.push({ first: group[0]?.first ?? new Uint8Array(), node });
    }
    level = above;
  }
  const top = level[0];
  return top === undefined ? sink(encodeTreeNode({ kind: "leaf", entries: [] })) : top.node;
}

/** Stores a file's chunk names, in list nodes where there are many. */
export async function writeContent(names: Uint8Array[], sink: NodeSink): Promise<ContentRef> {
  let level = names;
  let levels = 0;
  while (level.length > INLINE_NAMES_MAX) {
    const above: Uint8Array[] = [];
    for (const group of groupsOf(
      level,
      (name) => name,
      () => CHILD_BYTES,
    )) {
      above.push(await sink(encodeNameList(group)));
    }
    level = above;
    levels++;
  }
  return { levels, names: level };
}

/** Cuts a list into groups whose borders depend on the items themselves, each within its bounds.
 * A group has at least two items where there are two, so that levels always shrink. */
function* groupsOf<T>(
  items: readonly T[],
  keyOf: (item: T) => Uint8Array,
  bytesOf: (item: T) => number,
): Generator<T[]> {
  let group: T[] = [];
  let bytes = 0;
  for (const item of items) {
    group.push(item);
    bytes += bytesOf(item);
    const full = bytes > NODE_ESTIMATE_MAX_BYTES || group.length >= CHILDREN_MAX;
    if (full || (group.length >= 2 && isBorder(keyOf(item)))) {
      yield group;
      group = [];
      bytes = 0;
    }
  }
  if (group.length > 0) yield group;
}

function isBorder(key: Uint8Array): boolean {
  const digest = hash(key);
  return ((((digest[0] ?? 0) << 8) | (digest[1] ?? 0)) & BORDER_MASK) === 0;
}

function estimateBytes(entry: TreeEntry): number {
  const names = entry.kind === "file" ? entry.content.names.length : 1;
  const target = entry.kind === "symlink" ? entry.target.length : 0;
  return entry.name.length + target + names * 34 + 64;
}
