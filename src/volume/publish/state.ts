import { decodeCbor, encodeCbor, readArray, readBytes, readUint } from "../../codec/cbor.ts";
import { unknownVersion } from "../../codec/error.ts";
import type { IndexStore } from "../index/store.ts";

/** What this device last made of its volume. */
export interface VolumeState {
  /** Number of the last head, 0 before the first. */
  headNumber: number;
  snapshotNumber: number;
  /** Chunk name of the last snapshot; undefined before the first. */
  snapshot: Uint8Array | undefined;
  /** Top node of the root directory; undefined for an empty volume. */
  tree: Uint8Array | undefined;
  /** Whether enough keepers acknowledged that head. */
  headKept: boolean;
}

const KEY = "volume";
const VERSION = 1;
const BYTES_MAX = 4096;

/** Reads the volume's state, or undefined where this database has never had one. */
export function readVolumeState(index: IndexStore): VolumeState | undefined {
  const bytes = index.readState(KEY);
  if (bytes === undefined) return undefined;
  const value = readArray(decodeCbor(bytes, BYTES_MAX), "volume state", 6);
  const version = readUint(value[0], "version");
  if (version !== VERSION) throw unknownVersion("volume state", version, VERSION);
  const snapshot = readBytes(value[3], "snapshot");
  const tree = readBytes(value[4], "tree");
  return {
    headNumber: readUint(value[1], "head number"),
    snapshotNumber: readUint(value[2], "snapshot number"),
    snapshot: snapshot.length === 0 ? undefined : snapshot,
    tree: tree.length === 0 ? undefined : tree,
    headKept: readUint(value[5], "head kept") === 1,
  };
}

/** Writes the volume's state; the caller holds the transaction. */
export function writeVolumeState(index: IndexStore, state: VolumeState): void {
  const none = new Uint8Array();
  const value = [
    VERSION,
    state.headNumber,
    state.snapshotNumber,
    state.snapshot ?? none,
    state.tree ?? none,
    state.headKept ? 1 : 0,
  ];
  index.writeState(KEY, encodeCbor(value));
}

/** The state of a volume in which nothing was ever stored. */
export const EMPTY_STATE: VolumeState = {
  headNumber: 0,
  snapshotNumber: 0,
  snapshot: undefined,
  tree: undefined,
  headKept: true,
};
