import { encodeContentRef } from "../codec/tree.ts";
import type { TreeEntry } from "../codec/tree.ts";
import { keyedHash } from "../crypto/hash.node.ts";
import type { VolumeKeys } from "../object/keys.ts";

/** The id under which a file or folder can be had back by its content: a keyed hash of what it is
 * made of, 32 bytes. It tells others nothing, and the same content has the same id in one
 * volume. */
export function contentIdOf(keys: VolumeKeys, entry: TreeEntry): Uint8Array {
  const kind = Uint8Array.of(entry.kind === "file" ? 0 : entry.kind === "directory" ? 1 : 2);
  if (entry.kind === "file")
    return keyedHash(keys.contentId, kind, encodeContentRef(entry.content));
  return keyedHash(keys.contentId, kind, entry.kind === "directory" ? entry.subtree : entry.target);
}
