import { compareBytes, equalBytes } from "../../base/bytes.ts";
import { decodeNameList, decodeTreeNode } from "../../codec/tree.ts";
import type { ContentRef, TreeEntry } from "../../codec/tree.ts";
import { CodecError } from "../../codec/error.ts";

/** Gives the plaintext of a chunk by its name. */
export type ChunkSource = (name: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>;

/** More than any directory needs: each level has at least two nodes for one above it. */
const BRANCH_LEVELS_MAX = 48;

/** Reads directories and chunk lists, node by node, so that neither has to fit into memory. */
export class TreeReader {
  readonly #read: ChunkSource;

  constructor(read: ChunkSource) {
    this.#read = read;
  }

  /** The entries of a directory in the order of their names, by the name of its topmost node.
   * @throws what reading a chunk throws; CodecError for a node that is malformed or out of order */
  async *readDirectory(node: Uint8Array, signal: AbortSignal): AsyncIterable<TreeEntry> {
    /** Nodes still to be read, the next one last, with how far below the top they are. */
    const stack = [{ node, level: 0 }];
    let before: Uint8Array | undefined;
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const read = decodeTreeNode(await this.#read(next.node, signal));
      if (read.kind === "branch") {
        const level = next.level + 1;
        if (level > BRANCH_LEVELS_MAX) throw malformed("has too many levels");
        for (const child of read.children.toReversed()) stack.push({ node: child.node, level });
        continue;
      }
      for (const entry of read.entries) {
        // Two entries of one name could lead a restore through a link of the tree's own.
        if (before !== undefined && compareBytes(before, entry.name) >= 0) {
          throw malformed("has entries that are not in the order of their names");
        }
        before = entry.name;
        yield entry;
      }
    }
  }

  /** The entry at a path below a directory, or undefined where there is none. Of each directory on
   * the way only the nodes that lead to the name are read.
   * @param names at least one */
  async find(
    root: Uint8Array,
    names: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<TreeEntry | undefined> {
    let directory = root;
    for (const [depth, name] of names.entries()) {
      const entry = await this.#findName(directory, name, signal);
      if (depth === names.length - 1) return entry;
      if (entry?.kind !== "directory") return undefined;
      directory = entry.subtree;
    }
    return undefined;
  }

  /** The names of a file's chunks in order.
   * @throws what reading a chunk throws; CodecError for a malformed list */
  async *contentNames(content: ContentRef, signal: AbortSignal): AsyncIterable<Uint8Array> {
    if (content.levels === 0) {
      yield* content.names;
      return;
    }
    for (const node of content.names) {
      const names = decodeNameList(await this.#read(node, signal));
      yield* this.contentNames({ levels: content.levels - 1, names }, signal);
    }
  }

  async #findName(
    directory: Uint8Array,
    name: Uint8Array,
    signal: AbortSignal,
  ): Promise<TreeEntry | undefined> {
    let node = directory;
    for (let level = 0; level <= BRANCH_LEVELS_MAX; level++) {
      const read = decodeTreeNode(await this.#read(node, signal));
      if (read.kind === "leaf") return read.entries.find((entry) => equalBytes(entry.name, name));
      const child = read.children.findLast(({ first }) => compareBytes(first, name) <= 0);
      if (child === undefined) return undefined;
      node = child.node;
    }
    throw malformed("has too many levels");
  }
}

function malformed(what: string): CodecError {
  return new CodecError("FORMAT_MALFORMED", `directory: ${what}`);
}
