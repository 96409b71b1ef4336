import { equalBytes, fromUtf8 } from "../../base/bytes.ts";
import type { TreeEntry } from "../../codec/tree.ts";
import { VolumeError } from "../error.ts";
import { quote } from "./path.ts";
import { writeDirectory } from "./write.ts";
import type { NodeSink } from "./write.ts";

export interface TreeEdit {
  /** All entries of the directory with this top node. */
  readAll: (node: Uint8Array) => Promise<TreeEntry[]>;
  sink: NodeSink;
  /** The time that changed directories get. */
  nowNs: bigint;
}

const DIRECTORY_MODE = 0o755;

/** Puts `entry` at a path below `root`, or takes away what is there; directories on the way are
 * made. A directory gives way to another, but not to a file: that is meant to go into it.
 * @param root top node of the root directory, undefined for an empty volume
 * @returns the new root's top node
 * @throws VolumeError PATH_MISSING | PATH_KIND */
export async function replaceEntry(
  edit: TreeEdit,
  root: Uint8Array | undefined,
  names: readonly Uint8Array[],
  entry: TreeEntry | undefined,
): Promise<Uint8Array> {
  const [name, ...below] = names;
  if (name === undefined) {
    if (entry === undefined) return writeDirectory([], edit.sink);
    if (entry.kind === "directory") return entry.subtree;
    throw new VolumeError("PATH_KIND", "the root of a volume is a directory", {
      hint: "name the file, as in /file",
    });
  }
  const entries = root === undefined ? [] : await edit.readAll(root);
  const at = entries.findIndex((other) => equalBytes(other.name, name));
  const replaced = await replacement(edit, at < 0 ? undefined : entries[at], name, below, entry);
  if (at >= 0) entries.splice(at, 1);
  if (replaced !== undefined) entries.push(replaced);
  return writeDirectory(entries, edit.sink);
}

async function replacement(
  edit: TreeEdit,
  existing: TreeEntry | undefined,
  name: Uint8Array,
  below: readonly Uint8Array[],
  entry: TreeEntry | undefined,
): Promise<TreeEntry | undefined> {
  if (below.length === 0) {
    if (entry !== undefined && existing?.kind === "directory" && entry.kind !== "directory") {
      throw new VolumeError("PATH_KIND", `there is a folder at ${quote(textOf(name))}`, {
        hint: "name the file in it, as in /folder/file; or `holdfast rm` the folder first",
      });
    }
    if (entry !== undefined) return { ...entry, name };
    if (existing === undefined) throw new VolumeError("PATH_MISSING", "there is nothing to remove");
    return undefined;
  }
  if (existing === undefined && entry === undefined) {
    throw new VolumeError("PATH_MISSING", "there is nothing to remove");
  }
  if (existing !== undefined && existing.kind !== "directory") {
    const message = `${quote(textOf(name))} in the path is a ${existing.kind}, not a directory`;
    throw new VolumeError("PATH_KIND", message, { hint: "`holdfast ls` shows what there is" });
  }
  const subtree = await replaceEntry(edit, existing?.subtree, below, entry);
  return {
    name,
    kind: "directory",
    mode: existing?.mode ?? DIRECTORY_MODE,
    mtimeNs: edit.nowNs,
    subtree,
  };
}

function textOf(name: Uint8Array): string {
  return fromUtf8(name) ?? String.fromCharCode(...name);
}
