import { compareBytes, concatBytes, equalBytes, fromUtf8, utf8 } from "../../base/bytes.ts";
import { codeOf, messageOf } from "../../base/error.ts";
import type { TreeEntry } from "../../codec/tree.ts";
import type { SourceFile, SourceFiles, SourceStat } from "../../ports/source.ts";
import { VolumeError } from "../error.ts";
import { writeContent, writeDirectory } from "../tree/write.ts";
import type { NodeSink } from "../tree/write.ts";
import { bytesOfFile, storeBytes } from "./file.ts";
import type { FileParts } from "./file.ts";
import type { PackCounts } from "./messages.ts";

/** How often a file that changes while it is read is read again. */
const READS_MAX = 4;
const MODE_MASK = 0o7777;

export interface ScanParts extends FileParts {
  source: SourceFiles;
  sink: NodeSink;
  counts: PackCounts;
  isExcluded: (path: Uint8Array) => boolean;
  /** The folder of this peer's home: what lies there changes with every put, and its keys have to
   * be kept elsewhere. */
  ownHome: Uint8Array;
  onEntry: () => void;
  warn: (code: string, message: string, path: Uint8Array) => void;
}

/** Stores what lies at `path` of the user's disk: a file, a link, or a directory with all below it.
 * What cannot be read inside a directory is left out with a warning.
 * @returns the entry, named by the last part of `path`
 * @throws SourceError FILE_MISSING | FILE_UNREADABLE, VolumeError FILE_CHANGED | FILE_SPECIAL for
 *   `path` itself */
export async function scanPath(parts: ScanParts, path: Uint8Array): Promise<TreeEntry> {
  return scanEntry(parts, path, new Uint8Array(), path.subarray(path.lastIndexOf(0x2f) + 1));
}

async function scanEntry(
  parts: ScanParts,
  path: Uint8Array,
  below: Uint8Array,
  name: Uint8Array,
): Promise<TreeEntry> {
  const stat = parts.source.stat(path);
  const head = { name, mtimeNs: stat.mtimeNs, mode: stat.mode & MODE_MASK };
  if (stat.kind === "symlink") {
    parts.counts.files++;
    return { ...head, kind: "symlink", target: parts.source.readLink(path) };
  }
  if (stat.kind === "file") return scanFile(parts, path, below, name);
  if (stat.kind === "directory") {
    const subtree = await scanDirectory(parts, path, below);
    parts.counts.directories++;
    return { ...head, kind: "directory", subtree };
  }
  throw special(path);
}

function special(path: Uint8Array): VolumeError {
  const shown = JSON.stringify(fromUtf8(path) ?? String.fromCharCode(...path));
  return new VolumeError("FILE_SPECIAL", `${shown} is a device, socket or pipe: not stored`, {
    hint: "name a file or folder, or - to store what comes on standard input",
  });
}

async function scanDirectory(
  parts: ScanParts,
  path: Uint8Array,
  below: Uint8Array,
): Promise<Uint8Array> {
  const entries: TreeEntry[] = [];
  const names = parts.source.names(path).sort(compareBytes);
  for (const name of names) {
    const under = below.length === 0 ? name : concatBytes(below, SLASH, name);
    if (parts.isExcluded(under)) continue;
    const whole = concatBytes(equalBytes(path, SLASH) ? path.subarray(1) : path, SLASH, name);
    if (equalBytes(whole, parts.ownHome)) {
      parts.warn("HOME_LEFT_OUT", "the home of this peer is not stored; copy its keys", under);
      continue;
    }
    try {
      entries.push(await scanEntry(parts, whole, under, name));
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined || !LEFT_OUT.includes(code)) throw error;
      parts.warn(code, messageOf(error), under);
    }
    parts.onEntry();
  }
  return writeDirectory(entries, parts.sink);
}

const SLASH = utf8("/");
/** Codes of what is left out of a directory: the first two come from the port. */
const LEFT_OUT = ["FILE_MISSING", "FILE_UNREADABLE", "FILE_CHANGED", "FILE_SPECIAL"];

async function scanFile(
  parts: ScanParts,
  path: Uint8Array,
  below: Uint8Array,
  name: Uint8Array,
): Promise<TreeEntry> {
  const file = parts.source.open(path);
  try {
    // What was a file a moment ago may be a pipe or a device by now.
    if (file.stat().kind !== "file") throw special(path);
    const { stat, names, sizeBytes } = await readStable(
      parts,
      file,
      below.length === 0 ? name : below,
    );
    parts.counts.files++;
    return {
      name,
      kind: "file",
      mtimeNs: stat.mtimeNs,
      mode: stat.mode & MODE_MASK,
      sizeBytes,
      content: await writeContent(names, parts.sink),
    };
  } finally {
    file.close();
  }
}

/** Reads a file so that the result is a state that it really had: either nothing changed while it
 * was read, or two readings gave the same bytes.
 * @throws VolumeError FILE_CHANGED when it never stands still */
async function readStable(
  parts: ScanParts,
  file: SourceFile,
  shown: Uint8Array,
): Promise<{ stat: SourceStat; names: Uint8Array[]; sizeBytes: number }> {
  let stat = file.stat();
  let read = await storeBytes(parts, bytesOfFile(file), stat.sizeBytes);
  if (isSame(stat, file.stat()) && read.sizeBytes === stat.sizeBytes) return { stat, ...read };
  for (let again = 1; again < READS_MAX; again++) {
    const later = file.stat();
    // A file that only grows is stored up to where it was when the first reading began.
    const limit = Math.min(later.sizeBytes, read.sizeBytes);
    parts.onBytes(-read.sizeBytes);
    const second = await storeBytes(parts, bytesOfFile(file), limit);
    if (sameNames(read.names, second.names)) {
      parts.warn(
        "FILE_CHANGED",
        "changed while it was read; one whole state of it is stored",
        shown,
      );
      return { stat, ...second };
    }
    parts.onBytes(-second.sizeBytes);
    stat = later;
    read = await storeBytes(parts, bytesOfFile(file), stat.sizeBytes);
    if (isSame(stat, file.stat()) && read.sizeBytes === stat.sizeBytes) return { stat, ...read };
  }
  parts.onBytes(-read.sizeBytes);
  throw new VolumeError(
    "FILE_CHANGED",
    "kept changing while it was read; left out of this snapshot",
    {
      hint: "close what writes it, or exclude it, and put it again",
    },
  );
}

function isSame(before: SourceStat, after: SourceStat): boolean {
  return (
    before.sizeBytes === after.sizeBytes &&
    before.mtimeNs === after.mtimeNs &&
    before.ctimeNs === after.ctimeNs
  );
}

function sameNames(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((name, at) => equalBytes(name, b[at] ?? EMPTY));
}

const EMPTY = new Uint8Array();
