import { MIB } from "../../base/limits.ts";
import { CodecError } from "../../codec/error.ts";
import type { TreeEntry } from "../../codec/tree.ts";
import { openChunk } from "../../object/chunk.ts";
import type { VolumeKeys } from "../../object/keys.ts";
import type { ChunkRow, IndexStore } from "../index/store.ts";
import type { TreeReader } from "../tree/read.ts";
import type { ChunkReader, ReadOptions } from "./chunks.ts";
import { findChunk } from "./plan.ts";

/** Sealed bytes that are read at once; as many again are read ahead. */
const GROUP_BYTES = 4 * MIB;

export interface StreamParts {
  index: IndexStore;
  keys: VolumeKeys;
  chunks: ChunkReader;
}

interface NamedRow extends ChunkRow {
  name: Uint8Array;
}

/** The bytes of a file in order, in verified pieces that the receiver owns.
 * @throws VolumeError CHUNK_MISSING | SHARDS_MISSING; ObjectError CHUNK_FORGED; CodecError */
export async function* streamFile(
  parts: StreamParts,
  tree: TreeReader,
  entry: Extract<TreeEntry, { kind: "file" }>,
  options: ReadOptions,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  const groups = groupsOf(tree.contentNames(entry.content, both), parts.index);
  const readNext = async (): Promise<{ rows: NamedRow[]; sealed: Uint8Array[] } | undefined> => {
    const { value: rows } = await groups.next();
    if (rows === undefined) return undefined;
    const sealed = await parts.chunks.readSealed(rows[0]?.pack ?? 0, rows, options, both);
    return { rows, sealed };
  };
  let sizeBytes = 0;
  let ahead = readNext();
  try {
    for (let group = await ahead; group !== undefined; group = await ahead) {
      ahead = readNext();
      // It may fail while nobody waits for it; whoever asks for the next group gets the error.
      ahead.catch(() => undefined);
      for (const [at, { name }] of group.rows.entries()) {
        const raw = openChunk(parts.keys, name, group.sealed[at] ?? new Uint8Array());
        sizeBytes += raw.length;
        if (raw.length > 0) yield raw;
      }
    }
    if (sizeBytes !== entry.sizeBytes) {
      throw new CodecError("FORMAT_MALFORMED", "tree: a file's chunks are not as long as the file");
    }
  } finally {
    ended.abort(new Error("the stream was ended"));
    await ahead.catch(() => undefined);
  }
}

/** Runs of chunks that lie in one pack, each of a bounded size. */
async function* groupsOf(
  names: AsyncIterable<Uint8Array>,
  index: IndexStore,
): AsyncGenerator<NamedRow[], undefined> {
  let group: NamedRow[] = [];
  let bytes = 0;
  for await (const name of names) {
    const row = findChunk(index, name);
    const fits = group[0]?.pack === row.pack && bytes + row.lengthBytes <= GROUP_BYTES;
    if (group.length > 0 && !fits) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push({ ...row, name });
    bytes += row.lengthBytes;
  }
  if (group.length > 0) yield group;
}
