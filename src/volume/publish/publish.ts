import { assert } from "../../base/assert.ts";
import { idOf } from "../../base/id.ts";
import type { Epoch } from "../../base/id.ts";
import { MIB } from "../../base/limits.ts";
import { encodeIndexRoot, encodeSegment } from "../../codec/index-segment.ts";
import type { ChunkPlace, IndexedPack } from "../../codec/index-segment.ts";
import type { Head } from "../../codec/head.ts";
import { SNAPSHOT_MESSAGE_MAX, encodeSnapshot } from "../../codec/snapshot.ts";
import type { RecordEntry } from "../../codec/record.ts";
import type { Stripe } from "../../codec/stripe.ts";
import type { SigningKey } from "../../crypto/sign.node.ts";
import type { VolumeKeys } from "../../object/keys.ts";
import type { IndexStore } from "../index/store.ts";
import type { PackSession } from "../pack/session.ts";
import { makeHeadRecord } from "./head-record.ts";
import { writeVolumeState } from "./state.ts";
import type { VolumeState } from "./state.ts";

export interface PublishParts {
  index: IndexStore;
  keys: VolumeKeys;
  device: SigningKey;
  nowMs: () => number;
  epoch: () => Epoch;
  /** Writes the head to its keepers; false when too few acknowledged.
   * @throws VolumeError HEAD_ROLLED_BACK when a keeper has a higher number */
  writeHead: (record: RecordEntry, signal: AbortSignal) => Promise<boolean>;
}

/** What a new snapshot is about; without it the last snapshot is published again. */
export interface SnapshotWish {
  tree: Uint8Array;
  message: string;
}

/** Bytes of packs and entries that one segment takes, estimated; it must fit a chunk. */
const SEGMENT_ESTIMATE_MAX_BYTES = 2 * MIB;
const PACKS_PER_READ = 256;
/** With more small segments than this all are merged into as few as possible. */
const SMALL_SEGMENTS_MAX = 32;
/** A sealed segment below this is small. Others are as large as they get: merging gains nothing. */
const SMALL_SEGMENT_BYTES = MIB;
const ENTRY_BYTES = 46;
const SHARD_BYTES = 72;

/** Makes what was stored findable by keys alone: index segments for packs that no published index
 * names, a new index root, a new snapshot, and the head record on its keepers. The local state
 * moves first to the new head, then to "kept"; a crash between is finished by the next call. */
export async function publish(
  parts: PublishParts,
  session: PackSession,
  state: VolumeState,
  wish: SnapshotWish | undefined,
  signal: AbortSignal,
): Promise<VolumeState> {
  const { index, keys, device } = parts;
  await session.flush(signal);
  const { segments, packs } = await writeSegments(parts, session, signal);
  const root = rootOf(index, segments);
  const rootName = await session.add("index", root, signal);
  const next = await snapshotOf(parts, session, state, wish, signal);
  await session.flush(signal);
  const head = headOf(parts, next, rootName);
  index.transaction(() => {
    index.markPublished(packs);
    index.setSegments(segments.map((name) => ({ name })));
    writeVolumeState(index, next);
  });
  const record = makeHeadRecord(keys, device, head, parts.epoch());
  const headKept = await parts.writeHead(record, signal);
  const kept = { ...next, headKept };
  index.transaction(() => writeVolumeState(index, kept));
  return kept;
}

/** Stores a snapshot chunk when there is something new to say. */
async function snapshotOf(
  parts: PublishParts,
  session: PackSession,
  state: VolumeState,
  wish: SnapshotWish | undefined,
  signal: AbortSignal,
): Promise<VolumeState> {
  const headNumber = state.headNumber + 1;
  if (wish === undefined) return { ...state, headNumber, headKept: false };
  const deviceId = idOf(parts.device.publicKey);
  const snapshotNumber = state.snapshotNumber + 1;
  const parent = state.snapshot;
  const bytes = encodeSnapshot({
    volume: parts.keys.volumeId,
    device: deviceId,
    number: snapshotNumber,
    parents:
      parent === undefined
        ? []
        : [{ device: deviceId, number: state.snapshotNumber, snapshot: parent }],
    tree: wish.tree,
    timeMs: Math.max(0, Math.trunc(parts.nowMs())),
    message: clipped(wish.message),
  });
  const snapshot = await session.add("index", bytes, signal);
  return { headNumber, snapshotNumber, snapshot, tree: wish.tree, headKept: false };
}

/** A message within its limit; it may hold a path of any length. */
function clipped(message: string): string {
  if (message.length <= SNAPSHOT_MESSAGE_MAX) return message.toWellFormed();
  return `${message.slice(0, SNAPSHOT_MESSAGE_MAX - 2).toWellFormed()}…`;
}

/** Stores segments for all unpublished packs; all packs anew when there are too many segments.
 * @returns names of all segments of the new index in order, and the packs that they now name */
async function writeSegments(
  parts: PublishParts,
  session: PackSession,
  signal: AbortSignal,
): Promise<{ segments: Uint8Array[]; packs: number[] }> {
  const { index } = parts;
  const old = index.segments();
  const small = old.filter(({ lengthBytes }) => lengthBytes < SMALL_SEGMENT_BYTES);
  const whole = small.length > SMALL_SEGMENTS_MAX;
  const segments = whole ? [] : old.map(({ name }) => name);
  const packs: number[] = [];
  let group: IndexedPack[] = [];
  let bytes = 0;
  const end = async (): Promise<void> => {
    if (group.length === 0) return;
    segments.push(await session.add("index", encodeSegment(group), signal));
    group = [];
    bytes = 0;
  };
  for (let after = 0; ;) {
    const rows = index.packsAfter(after, PACKS_PER_READ, !whole);
    for (const { id, kind, stripe } of rows) {
      const entries = index.entriesOf(id);
      group.push({ kind, stripe, entries });
      packs.push(id);
      bytes += entries.length * ENTRY_BYTES + stripe.n * SHARD_BYTES;
      if (bytes > SEGMENT_ESTIMATE_MAX_BYTES) await end();
      after = id;
    }
    if (rows.length < PACKS_PER_READ) break;
  }
  await end();
  await session.flush(signal);
  return { segments, packs };
}

function rootOf(index: IndexStore, segments: readonly Uint8Array[]): Uint8Array {
  const stripes: Stripe[] = [];
  const places = segments.map((name) => placeOf(index, name, stripes));
  return encodeIndexRoot({ stripes, segments: places });
}

function headOf(parts: PublishParts, state: VolumeState, rootName: Uint8Array): Head {
  const stripes: Stripe[] = [];
  assert(state.snapshot !== undefined, "a head names a snapshot");
  return {
    volume: parts.keys.volumeId,
    device: idOf(parts.device.publicKey),
    number: state.headNumber,
    snapshotNumber: state.snapshotNumber,
    snapshot: placeOf(parts.index, state.snapshot, stripes),
    indexRoot: placeOf(parts.index, rootName, stripes),
    stripes,
  };
}

/** The place of a chunk, its stripe added to `stripes` where it is not there yet. */
function placeOf(index: IndexStore, name: Uint8Array, stripes: Stripe[]): ChunkPlace {
  const row = index.findChunk(name);
  assert(row !== undefined, "a chunk that was flushed is indexed");
  const { stripe } = index.pack(row.pack);
  let at = stripes.findIndex((other) => isSameStripe(other, stripe));
  if (at < 0) at = stripes.push(stripe) - 1;
  return { stripe: at, name, offset: row.offset, lengthBytes: row.lengthBytes };
}

function isSameStripe(a: Stripe, b: Stripe): boolean {
  return a.n === b.n && a.k === b.k && a.shards[0]?.id === b.shards[0]?.id;
}
