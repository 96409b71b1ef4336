import { idBytes, idOf } from "../base/id.ts";
import type { PeerId } from "../base/id.ts";
import { decodeVersioned, encodeCbor, readArray, readBytes, readText, readUint } from "./cbor.ts";

/** One state of a volume. Snapshots are ordered by their parents, never by their time. */
export interface Snapshot {
  volume: Uint8Array;
  device: PeerId;
  /** 1 for a device's first snapshot, then one more each. */
  number: number;
  parents: SnapshotParent[];
  /** Name of the root directory's node. */
  tree: Uint8Array;
  timeMs: number;
  message: string;
}

export interface SnapshotParent {
  device: PeerId;
  number: number;
  /** Chunk name of the parent snapshot: what makes a fork visible. */
  snapshot: Uint8Array;
}

/** UTF-16 units of a snapshot's message. */
export const SNAPSHOT_MESSAGE_MAX = 1024;

const VERSION = 1;
const PARTS = 7;
const PARENTS_MAX = 64;
const BYTES_MAX = 65_536;

/** Encodes a snapshot; its chunk name is the snapshot's hash. */
export function encodeSnapshot(snapshot: Snapshot): Uint8Array {
  const parents = snapshot.parents.map((parent) => [
    idBytes(parent.device),
    parent.number,
    parent.snapshot,
  ]);
  return encodeCbor([
    VERSION,
    snapshot.volume,
    idBytes(snapshot.device),
    snapshot.number,
    parents,
    snapshot.tree,
    snapshot.timeMs,
    snapshot.message,
  ]);
}

/** @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED */
export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  const value = decodeVersioned(bytes, "snapshot", VERSION, PARTS, BYTES_MAX);
  return {
    volume: readBytes(value[0], "volume", 32),
    device: idOf(readBytes(value[1], "device", 32)),
    number: readUint(value[2], "number"),
    parents: readArray(value[3], "parents", PARENTS_MAX).map(parentFromValue),
    tree: readBytes(value[4], "tree", 32),
    timeMs: readUint(value[5], "time"),
    message: readText(value[6], "message", SNAPSHOT_MESSAGE_MAX),
  };
}

function parentFromValue(value: unknown): SnapshotParent {
  const [device, number, snapshot] = readArray(value, "parent", 3);
  return {
    device: idOf(readBytes(device, "device", 32)),
    number: readUint(number, "number"),
    snapshot: readBytes(snapshot, "snapshot", 32),
  };
}
