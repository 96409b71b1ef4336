import { rmSync } from "node:fs";
import { setImmediate as pause } from "node:timers/promises";
import { nodeWorkers } from "../adapters/workers.node.ts";
import type { PeerId } from "../base/id.ts";
import { ArenaPool } from "../kernels/arena-pool.ts";
import { loadKernels } from "../kernels/load.node.ts";
import { deriveVolumeKeys } from "../object/keys.ts";
import { codeFor } from "../swarm/placement.ts";
import type { Swarm } from "../swarm/swarm.ts";
import { Getter } from "../volume/get/get.ts";
import { READ_ARENA_BYTES } from "../volume/get/memory.ts";
import { holdingsByPeer } from "../volume/index/holdings.ts";
import { INDEX_SCHEMA } from "../volume/index/schema.ts";
import { IndexStore } from "../volume/index/store.ts";
import { PACK_ARENA_BYTES } from "../volume/pack/worker.ts";
import { readVolumeState } from "../volume/publish/state.ts";
import type { VolumeService } from "../volume/service.ts";
import { Volume } from "../volume/volume.ts";
import type { Closers } from "./closers.ts";
import { collectGarbage } from "./collect-garbage.ts";
import type { ComposeParts } from "./compose.ts";
import { keepFinishing } from "./finishing.ts";
import { openHomeDatabase } from "./home-database.ts";
import { isFresh, leavingFresh } from "./fresh-home.ts";
import { openStore } from "./stores.ts";

/** The module that worker threads run; beside this one, with the same extension. */
const WORKER = new URL(
  import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js",
  import.meta.url,
);

/** The owner's side of a peer: the volume `home`, over the swarm. */
export interface VolumeComposeParts extends ComposeParts {
  swarm: Swarm;
  usablePeers: () => readonly PeerId[];
  closers: Closers;
}

/** The volume, and what it knows of its holders. */
export interface ComposedVolume {
  volume: VolumeService;
  /** Bytes of shards that each peer keeps for it. */
  holdings: (signal: AbortSignal) => Promise<Map<PeerId, number>>;
}

/** Opens index and local packs, and wires the volume. */
export async function composeVolume(parts: VolumeComposeParts): Promise<ComposedVolume> {
  const { paths, keyring, config, clock, log, swarm, closers } = parts;
  const loss = "it is rebuilt from your peers; only what was not yet safe is lost";
  const database = openHomeDatabase(paths.indexDatabase, INDEX_SCHEMA, loss);
  closers.add(() => database.close());
  const packs = await openStore(paths.stores, paths.packs, keyring.peerId);
  const index = new IndexStore(database);
  // A crash right after the first change may have left the note.
  if (readVolumeState(index) !== undefined) rmSync(paths.fresh, { force: true });
  const keys = deriveVolumeKeys(keyring.generation.secret);
  const workers = nodeWorkers(WORKER);
  const arenas = new ArenaPool(Math.max(PACK_ARENA_BYTES, READ_ARENA_BYTES), collectGarbage);
  const getter = new Getter({
    index,
    client: swarm,
    keys,
    packs,
    workers,
    lendArena: async () => {
      const arena = arenas.lend();
      const giveBack = (): void => arenas.giveBack(arena);
      return { arena, kernels: await loadKernels(arena), giveBack };
    },
    clock,
    log,
    usablePeers: parts.usablePeers,
  });
  const volume = new Volume({
    index,
    indexPath: paths.indexDatabase,
    keys,
    swarm,
    workers,
    arenas,
    packs,
    clock,
    log,
    device: keyring.peer,
    getter,
    codeTable: codeFor,
    fixedCode: () => config.code,
    isNew: isFresh(paths.fresh),
  });
  closers.add(() => volume.close());
  closers.add(keepFinishing({ volume, clock, log }));
  const holdings = (signal: AbortSignal): Promise<Map<PeerId, number>> =>
    holdingsByPeer(index, pause, signal);
  return { volume: leavingFresh(volume, paths.fresh), holdings };
}
