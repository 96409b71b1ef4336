import { idOf } from "../../base/id.ts";
import { decodeIndexRoot, decodeSegment } from "../../codec/index-segment.ts";
import type { ChunkPlace } from "../../codec/index-segment.ts";
import { decodeSnapshot } from "../../codec/snapshot.ts";
import type { Stripe } from "../../codec/stripe.ts";
import type { SigningKey } from "../../crypto/sign.node.ts";
import type { VolumeKeys } from "../../object/keys.ts";
import { VolumeError } from "../error.ts";
import type { IndexStore } from "../index/store.ts";
import type { Code } from "../service.ts";
import type { VolumeSwarm } from "../swarm.ts";
import { headKey, openHeadRecord } from "./head-record.ts";
import { EMPTY_STATE, readVolumeState, writeVolumeState } from "./state.ts";
import type { VolumeState } from "./state.ts";

export interface RecoverParts {
  index: IndexStore;
  keys: VolumeKeys;
  device: SigningKey;
  swarm: Pick<VolumeSwarm, "readRecord">;
  /** Reads a chunk that the index has, from the swarm where it must. */
  readChunk: (name: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>;
}

/** Brings the local view up to the newest head that keepers have: the whole index when the database
 * was lost, the rest when it is an old copy. From the keys and the peer list alone.
 * @param isNew the home's keys were made just now, so that there cannot be a head yet
 * @throws VolumeError INDEX_NOT_RECOVERED while no keeper answers and there may be a head */
export async function recoverState(
  parts: RecoverParts,
  code: Code,
  isNew: boolean,
  signal: AbortSignal,
): Promise<VolumeState> {
  const local = readVolumeState(parts.index);
  if (local === undefined && isNew) return EMPTY_STATE;
  const deviceId = idOf(parts.device.publicKey);
  const key = idOf(headKey(parts.keys, deviceId, parts.device.publicKey).publicKey);
  const found = await parts.swarm.readRecord(key, code, signal);
  if (found.record === undefined) {
    if (local !== undefined) return local;
    if (found.answered > 0 && found.answered === found.asked) return EMPTY_STATE;
    throw new VolumeError(
      "INDEX_NOT_RECOVERED",
      `the index is gone, and only ${found.answered} of ${found.asked} peers answered`,
      { hint: "it is rebuilt from the swarm as soon as your peers can be reached; try again then" },
    );
  }
  if (local !== undefined && found.record.number <= BigInt(local.headNumber)) return local;
  const head = openHeadRecord(parts.keys, parts.device, found.record);
  parts.index.transaction(() => parts.index.markUnpublished());
  learnPlaces(parts.index, head.stripes, [head.snapshot, head.indexRoot]);
  await learnIndex(parts, head.indexRoot.name, signal);
  const snapshot = decodeSnapshot(await parts.readChunk(head.snapshot.name, signal));
  const state: VolumeState = {
    headNumber: head.number,
    snapshotNumber: head.snapshotNumber,
    snapshot: head.snapshot.name,
    tree: snapshot.tree,
    headKept: true,
  };
  parts.index.transaction(() => writeVolumeState(parts.index, state));
  return state;
}

/** Takes over all packs that a published index names. */
async function learnIndex(
  parts: RecoverParts,
  rootName: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const root = decodeIndexRoot(await parts.readChunk(rootName, signal));
  learnPlaces(parts.index, root.stripes, root.segments);
  for (const { name } of root.segments) {
    const packs = decodeSegment(await parts.readChunk(name, signal));
    parts.index.transaction(() => {
      for (const pack of packs) parts.index.addPack(pack, true);
    });
  }
  parts.index.transaction(() => {
    parts.index.setSegments(root.segments);
    parts.index.dropSuperseded();
  });
}

/** Index packs are known by the chunks that somebody named; the rest of them does not matter. */
function learnPlaces(
  index: IndexStore,
  stripes: readonly Stripe[],
  places: readonly ChunkPlace[],
): void {
  index.transaction(() => {
    stripes.forEach((stripe, at) => {
      const entries = places
        .filter((place) => place.stripe === at)
        .map(({ name, offset, lengthBytes }) => ({ name, offset, lengthBytes }));
      index.addPack({ kind: "index", stripe, entries }, false);
    });
  });
}
