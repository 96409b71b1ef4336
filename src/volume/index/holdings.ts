import type { PeerId } from "../../base/id.ts";
import { shardBytesOf } from "../../codec/stripe.ts";
import type { IndexStore } from "./store.ts";

/** Packs looked at before others may go on: a few milliseconds. */
const PAGE_PACKS = 256;

/** Bytes of shards that each peer keeps for this volume, by the receipts in the index: who holds
 * what is inside of encoded stripes, so that all of them are read.
 * @param pause lets other work go on; called between pages
 * @throws the signal's reason when it is aborted */
export async function holdingsByPeer(
  index: Pick<IndexStore, "packsAfter">,
  pause: () => Promise<void>,
  signal: AbortSignal,
): Promise<Map<PeerId, number>> {
  const holdings = new Map<PeerId, number>();
  for (let after = 0; ;) {
    const page = index.packsAfter(after, PAGE_PACKS, false);
    for (const { id, stripe } of page) {
      after = id;
      const shardBytes = shardBytesOf(stripe.packBytes, stripe.k);
      for (const { holder } of stripe.shards) {
        if (holder !== undefined) holdings.set(holder, (holdings.get(holder) ?? 0) + shardBytes);
      }
    }
    if (page.length < PAGE_PACKS) return holdings;
    await pause();
    signal.throwIfAborted();
  }
}
