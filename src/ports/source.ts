/** What a path of the user's disk is, as lstat says it. */
export interface SourceStat {
  kind: "file" | "directory" | "symlink" | "other";
  sizeBytes: number;
  mtimeNs: bigint;
  ctimeNs: bigint;
  mode: number;
  inode: bigint;
}

/** The user's files, to read. Synchronous: only workers use it. Paths are bytes, since a name need
 * not be valid UTF-8.
 * @throws SourceError FILE_MISSING | FILE_UNREADABLE */
export interface SourceFiles {
  stat(path: Uint8Array): SourceStat;
  /** Names in a directory, without `.` and `..`, in no order. */
  names(path: Uint8Array): Uint8Array[];
  readLink(path: Uint8Array): Uint8Array;
  /** Opens a regular file without following a link. */
  open(path: Uint8Array): SourceFile;
}

export interface SourceFile {
  stat(): SourceStat;
  /** Reads from `offset` on into `target`; returns how many bytes there were, 0 at the end. */
  read(target: Uint8Array, offset: number): number;
  close(): void;
}
