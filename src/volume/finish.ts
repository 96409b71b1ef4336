import { codeOfPack } from "../object/stripe.ts";
import type { StripeCode } from "../object/stripe.ts";
import type { Stripe } from "../codec/stripe.ts";
import type { IndexStore } from "./index/store.ts";
import type { PackSession } from "./pack/session.ts";
import type { WriteOptions, Writer } from "./writer.ts";

const PACKS_PER_READ = 64;

/** Brings packs that are not safe to the holders that there are now, from their local copies.
 * @returns whether any stripe may have changed */
export async function finishPacks(
  index: IndexStore,
  writer: Writer,
  session: PackSession,
  options: WriteOptions,
  signal: AbortSignal,
): Promise<boolean> {
  let changed = false;
  for (let after = 0; ;) {
    const packs = index.unfinished(after, PACKS_PER_READ);
    for (const pack of packs) {
      signal.throwIfAborted();
      after = pack.id;
      const code = betterCode(pack.stripe, options);
      if (code === undefined) continue;
      const found = await writer.finishPack(session, pack, code, signal);
      changed ||= found;
    }
    if (packs.length < PACKS_PER_READ) break;
  }
  await session.flush(signal);
  return changed;
}

/** The code to finish a stripe in: its own while holders may take its missing shards, the one for
 * today's holders where it has a single shard or none is placed; undefined where nothing would change. */
function betterCode(stripe: Stripe, options: WriteOptions): StripeCode | undefined {
  const placed = stripe.shards.filter(({ holder }) => holder !== undefined).length;
  const taken = new Set(stripe.shards.map(({ holder }) => holder));
  const free = options.holders.filter((peer) => !taken.has(peer)).length;
  if (placed > 0 && stripe.n > 1) return free > 0 ? { k: stripe.k, n: stripe.n } : undefined;
  const code = codeOfPack(stripe.packBytes, options.code);
  return code.n > 1 || (placed === 0 && options.holders.length > 0) ? code : undefined;
}
