/** The user's files, to write. Synchronous: only workers use it. Paths are absolute and bytes,
 * since a name need not be valid UTF-8. No link is ever followed at a path's end; whoever walks a
 * tree calls `enter` for each directory before anything inside it, so none is followed on the way
 * either.
 * @throws errors with the `code` of the operating system: ENOSPC and EDQUOT for a full disk;
 * ENOTDIR, EISDIR, ELOOP and EEXIST where something of another kind is in the way; and so on */
export interface TargetFiles {
  /** Makes a directory that its owner can write to, or takes the one that is there, and removes
   * what interrupted writers left in it. */
  enter(path: Uint8Array): void;
  /** Starts a file beside its place; nothing is visible under `path` before `commit`. */
  create(path: Uint8Array): TargetFile;
  /** Makes a symbolic link, in place of a file or link that is there. `content` is what it says. */
  link(path: Uint8Array, content: Uint8Array, mtimeNs: bigint): void;
  /** Sets a directory's permission bits and time, after everything in it was written. */
  finish(path: Uint8Array, mode: number, mtimeNs: bigint): void;
}

/** One file being written. Exactly one of `commit` and `abort` ends it. */
export interface TargetFile {
  /** Writes all of `bytes` at `offset`. */
  write(bytes: Uint8Array, offset: number): void;
  /** The same for many bytes, past the system's cache where it allows that: `offset`, the length
   * and the address of `bytes` are then multiples of TARGET_ALIGN_BYTES. */
  writeAligned(bytes: Uint8Array, offset: number): void;
  /** Gives back its descriptors until the next write. */
  park(): void;
  /** Sets permission bits and time, and puts the file in its place, instead of a file or link
   * there. */
  commit(mode: number, mtimeNs: bigint): void;
  /** Removes what was written. Never throws. */
  abort(): void;
}

/** What direct writes are aligned to: a page, and a sector of every disk. */
export const TARGET_ALIGN_BYTES = 4096;
