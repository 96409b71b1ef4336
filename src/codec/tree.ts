import { compareBytes } from "../base/bytes.ts";
import { NAME_MAX_BYTES, SYMLINK_MAX_BYTES, TREE_NODE_MAX_BYTES } from "../base/limits.ts";
import { decodeVersioned, encodeCbor, readArray, readBytes, readUint } from "./cbor.ts";
import { malformed as malformedAs } from "./error.ts";
import type { CodecError } from "./error.ts";

/** The chunks of a file in order. With `levels` 0 the names are those of its chunks; with more they
 * are those of list nodes, each of which holds names of the level below. */
export interface ContentRef {
  levels: number;
  names: Uint8Array[];
}

export type TreeEntry = {
  /** The name as the file system gave it, any bytes but `/` and NUL, in any Unicode form. */
  name: Uint8Array;
  mtimeNs: bigint;
  /** Permission bits, 0 to 0o7777. */
  mode: number;
} & (
  | { kind: "file"; sizeBytes: number; content: ContentRef }
  | { kind: "directory"; subtree: Uint8Array }
  | { kind: "symlink"; target: Uint8Array }
);

/** A directory is one leaf, or a branch over nodes in the order of names. */
export type TreeNode =
  | { kind: "leaf"; entries: TreeEntry[] }
  | { kind: "branch"; children: { first: Uint8Array; node: Uint8Array }[] };

const VERSION = 1;
const LEAF = 0;
const BRANCH = 1;
const LIST = 2;
const KINDS = ["file", "directory", "symlink"] as const;
const LEVELS_MAX = 4;
const ELEMENTS_MAX = 65_536;
const NAME_BYTES = 32;
const MODE_MAX = 0o7777;
const TIME_MAX = 2n ** 63n - 1n;

/** Encodes one node of a directory. */
export function encodeTreeNode(node: TreeNode): Uint8Array {
  if (node.kind === "branch") {
    return encodeCbor([VERSION, BRANCH, node.children.map(({ first, node: at }) => [first, at])]);
  }
  return encodeCbor([VERSION, LEAF, node.entries.map(entryToValue)]);
}

/** @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED */
export function decodeTreeNode(bytes: Uint8Array): TreeNode {
  const [kind, items] = decodeNode(bytes);
  if (kind === LEAF) {
    const entries = items.map(entryFromValue);
    checkOrder(entries.map(({ name }) => name));
    return { kind: "leaf", entries };
  }
  if (kind !== BRANCH) throw malformed("is neither leaf nor branch");
  const children = items.map((item) => {
    const [first, node] = readArray(item, "child", 2);
    return {
      first: readName(first),
      node: readBytes(node, "node", NAME_BYTES),
    };
  });
  if (children.length === 0) throw malformed("is a branch over nothing");
  checkOrder(children.map(({ first }) => first));
  return { kind: "branch", children };
}

/** Names ascend by their bytes, so none comes twice: two entries of one name would be two files in
 * one place. */
function checkOrder(names: readonly Uint8Array[]): void {
  for (let index = 1; index < names.length; index++) {
    if (compareBytes(names[index - 1]!, names[index]!) >= 0) {
      throw malformed("has names out of order or twice");
    }
  }
}

/** Encodes a list node: the names of chunks, or of list nodes of the level below. */
export function encodeNameList(names: readonly Uint8Array[]): Uint8Array {
  return encodeCbor([VERSION, LIST, [...names]]);
}

/** @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED */
export function decodeNameList(bytes: Uint8Array): Uint8Array[] {
  const [kind, items] = decodeNode(bytes);
  if (kind !== LIST) throw malformed("is no list of names");
  return items.map((item) => readBytes(item, "name", NAME_BYTES));
}

/** The canonical bytes of one entry without its name and times: what a content id is made of. */
export function encodeContentRef(content: ContentRef): Uint8Array {
  return encodeCbor([VERSION, content.levels, content.names]);
}

function decodeNode(bytes: Uint8Array): [kind: number, items: unknown[]] {
  const [kind, items] = decodeVersioned(bytes, "tree node", VERSION, 2, TREE_NODE_MAX_BYTES);
  return [readUint(kind, "kind"), readArray(items, "items", ELEMENTS_MAX)];
}

function entryToValue(entry: TreeEntry): unknown[] {
  const head = [entry.name, KINDS.indexOf(entry.kind), entry.mtimeNs, entry.mode];
  if (entry.kind === "directory") return [...head, entry.subtree];
  if (entry.kind === "symlink") return [...head, entry.target];
  return [...head, entry.sizeBytes, entry.content.levels, entry.content.names];
}

function entryFromValue(value: unknown): TreeEntry {
  const parts = readArray(value, "entry", 7);
  const kind = KINDS[readUint(parts[1], "kind")];
  const head = { name: readName(parts[0]), mtimeNs: readTime(parts[2]), mode: readMode(parts[3]) };
  if (kind === "directory" && parts.length === 5) {
    return { ...head, kind, subtree: readBytes(parts[4], "subtree", NAME_BYTES) };
  }
  if (kind === "symlink" && parts.length === 5) {
    const target = readBytes(parts[4], "target");
    if (target.length > SYMLINK_MAX_BYTES) throw malformed("has a link target that is too long");
    return { ...head, kind, target };
  }
  if (kind !== "file" || parts.length !== 7) throw malformed("has an entry of an unknown kind");
  const levels = readUint(parts[5], "levels");
  if (levels > LEVELS_MAX) throw malformed(`has a chunk list of ${levels} levels`);
  const names = readArray(parts[6], "names", ELEMENTS_MAX);
  const content = { levels, names: names.map((name) => readBytes(name, "name", NAME_BYTES)) };
  return { ...head, kind, sizeBytes: readUint(parts[4], "size"), content };
}

/** A name can be restored below its directory and nowhere else. */
function readName(value: unknown): Uint8Array {
  const name = readBytes(value, "name");
  const dots = name.length <= 2 && name.every((byte) => byte === 0x2e);
  if (name.length > NAME_MAX_BYTES || dots || name.includes(0x2f) || name.includes(0)) {
    throw malformed("has a name that no directory can hold");
  }
  return name;
}

function readMode(value: unknown): number {
  const mode = readUint(value, "mode");
  if (mode > MODE_MAX) throw malformed("has a mode beyond permission bits");
  return mode;
}

function readTime(value: unknown): bigint {
  const isInteger = typeof value === "bigint" || Number.isSafeInteger(value);
  const time = isInteger ? BigInt(value as bigint | number) : TIME_MAX + 1n;
  if (time > TIME_MAX || time < -TIME_MAX - 1n) {
    throw malformed("has a time that is no integer of 64 bits");
  }
  return time;
}

function malformed(what: string): CodecError {
  return malformedAs("tree node", what);
}
