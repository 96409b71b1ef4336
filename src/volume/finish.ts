import { codeWithinMemory } from "../object/stripe.ts";
import type { StripeCode } from "../object/stripe.ts";
import type { Stripe } from "../codec/stripe.ts";
import type { IndexStore } from "./index/store.ts";
import type { PackSession } from "./pack/session.ts";
import type { WriteOptions, Writer } from "./writer.ts";

const PACKS_PER_READ = 64;

/** Whether there is anything to finish with these holders: shards to place, or a published index
 * that says less than this one, as after a kill between placing and publishing. */
export function hasWork(index: IndexStore, options: WriteOptions): boolean {
  return index.hasNews() || canFinish(index, options);
}

/** Whether `finishPacks` would find anything to do with these holders. */
export function canFinish(index: IndexStore, options: WriteOptions): boolean {
  for (let after = 0; ;) {
    const packs = index.unfinished(after, PACKS_PER_READ);
    if (packs.some(({ stripe }) => betterCode(stripe, options) !== undefined)) return true;
    const last = packs.at(-1);
    if (last === undefined || packs.length < PACKS_PER_READ) return false;
    after = last.id;
  }
}

/** Brings packs that are not safe to the holders that there are now, from their local copies.
 * @returns whether any stripe has changed */
export async function finishPacks(
  index: IndexStore,
  writer: Writer,
  session: PackSession,
  options: WriteOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const before = writer.stripesChanged;
  for (let after = 0; ;) {
    const packs = index.unfinished(after, PACKS_PER_READ);
    for (const pack of packs) {
      signal.throwIfAborted();
      after = pack.id;
      const code = betterCode(pack.stripe, options);
      if (code === undefined) continue;
      await writer.finishPack(session, pack, code, signal);
    }
    if (packs.length < PACKS_PER_READ) break;
  }
  await session.flush(signal);
  return writer.stripesChanged > before;
}

/** The code to finish a stripe in: its own while holders may take its missing shards, the one for
 * today's holders where it has a single shard or none is placed; undefined where nothing would
 * change. */
function betterCode(stripe: Stripe, options: WriteOptions): StripeCode | undefined {
  const placed = stripe.shards.filter(({ holder }) => holder !== undefined).length;
  const taken = new Set(stripe.shards.map(({ holder }) => holder));
  const free = options.holders.filter((peer) => !taken.has(peer)).length;
  if (placed > 0 && stripe.n > 1) return free > 0 ? { k: stripe.k, n: stripe.n } : undefined;
  const code = codeWithinMemory(stripe.packBytes, options.code);
  return code.n > 1 || (placed === 0 && options.holders.length > 0) ? code : undefined;
}
