import { concatBytes, utf8 } from "../../base/bytes.ts";
import type { TreeEntry } from "../../codec/tree.ts";
import type { TreeReader } from "../tree/read.ts";
import type { DirectoryEnd } from "./messages.ts";

/** A step through a tree: what comes inside a directory lies between its `enter` and its
 * `leave`. */
export type WalkStep =
  | { step: "enter"; path: Uint8Array }
  | { step: "leave"; directory: DirectoryEnd }
  | { step: "symlink"; path: Uint8Array; entry: Extract<TreeEntry, { kind: "symlink" }> }
  | { step: "file"; path: Uint8Array; entry: Extract<TreeEntry, { kind: "file" }> };

interface Level {
  entries: AsyncIterator<TreeEntry>;
  directory: DirectoryEnd;
}

const SLASH = utf8("/");
const SLASH_BYTE = 0x2f;

/** Walks `entry`, and all below it, as it is to lie at `path`. */
export async function* walkTree(
  tree: TreeReader,
  entry: TreeEntry,
  path: Uint8Array,
  signal: AbortSignal,
): AsyncGenerator<WalkStep> {
  const levels: Level[] = [];
  const visit = (at: Uint8Array, found: TreeEntry): WalkStep => {
    if (found.kind === "symlink") return { step: "symlink", path: at, entry: found };
    if (found.kind === "file") return { step: "file", path: at, entry: found };
    const { mode, mtimeNs, subtree } = found;
    const entries = tree.readDirectory(subtree, signal)[Symbol.asyncIterator]();
    levels.push({ entries, directory: { path: at, mode, mtimeNs } });
    return { step: "enter", path: at };
  };
  yield visit(path, entry);
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const next = await level.entries.next();
    if (next.done === true) {
      levels.pop();
      yield { step: "leave", directory: level.directory };
    } else {
      const parent = level.directory.path;
      const separator = parent.at(-1) === SLASH_BYTE ? new Uint8Array() : SLASH;
      yield visit(concatBytes(parent, separator, next.value.name), next.value);
    }
  }
}
