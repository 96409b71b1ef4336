import type { PackRow } from "../index/store.ts";
import type { LoadOptions, LoadedPack, PackLoader } from "./load.ts";
import type { ReadMemory } from "./memory.ts";
import type { RepairSummary } from "./repair.ts";

export interface LendOptions extends LoadOptions {
  /** Given what is being done about shards that were found bad; it never rejects. */
  onRepair?: (repair: Promise<RepairSummary>) => void;
  /** Told of a whole pack that peers gave without a fault. */
  onSound?: (pack: PackRow) => void;
}

/** Loads a pack into a slot and lends it to `work`. The slot is free again when `work` and repairs
 * have ended; repairs are not waited for. */
export async function withPack<T>(
  memory: ReadMemory,
  loader: PackLoader,
  pack: PackRow,
  options: LendOptions,
  signal: AbortSignal,
  work: (loaded: LoadedPack) => T | Promise<T>,
): Promise<T> {
  const slot = await memory.slots.acquire();
  let repair: Promise<RepairSummary> | undefined;
  try {
    signal.throwIfAborted();
    const loaded = await loader.load(memory, pack, memory.slots.at(slot), options, signal);
    repair = loaded.repair;
    if (repair !== undefined) options.onRepair?.(repair);
    if (loaded.isFromPeers) tellSound(pack, repair, options);
    return await work(loaded);
  } finally {
    if (repair === undefined) memory.slots.release(slot);
    else {
      memory.hold(repair.then(() => memory.slots.release(slot)));
    }
  }
}

function tellSound(
  pack: PackRow,
  repair: Promise<RepairSummary> | undefined,
  { onSound }: LendOptions,
): void {
  if (repair === undefined) onSound?.(pack);
  else {
    void repair.then(({ badPeers }) => {
      if (badPeers.length === 0) onSound?.(pack);
    });
  }
}
