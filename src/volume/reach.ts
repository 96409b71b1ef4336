import type { PeerId } from "../base/id.ts";
import type { Stripe } from "../codec/stripe.ts";
import type { Clock } from "../ports/clock.ts";
import type { IndexStore } from "./index/store.ts";
import type { VolumeSwarm } from "./swarm.ts";

/** Packs between two pauses: decoding them takes about a millisecond. */
const PACKS_PER_TURN = 64;

/** Looks between two times that holders are asked whether they are there. */
const ASK_TICKS = 60;

export interface ReachParts {
  index: Pick<IndexStore, "packsAfter">;
  swarm: Pick<VolumeSwarm, "usableHolders" | "hopefulPeers">;
  clock: Pick<Clock, "sleep">;
}

/** Counts the packs that could not be fetched now: those that lie with holders alone, of whom fewer
 * than are needed can be asked. */
export class Reach {
  readonly #parts: ReachParts;
  #seen: string | undefined;
  #ticks = 0;
  /** As of the last count. */
  lostPacks = 0;

  constructor(parts: ReachParts) {
    this.#parts = parts;
  }

  /** Called every second. Asks the holders once in a while, because otherwise nobody notices that
   * they have gone, and counts anew where they or the packs are not what they were.
   * @param stored changes with the packs */
  async look(stored: string, signal: AbortSignal): Promise<void> {
    const { index, swarm, clock } = this.#parts;
    if (++this.#ticks % ASK_TICKS === 0) await swarm.usableHolders(signal);
    const peers = swarm.hopefulPeers();
    const seen = [stored, ...peers.toSorted()].join();
    if (seen === this.#seen) return;
    const there = new Set(peers);
    let lost = 0;
    for (let after = 0; ;) {
      const packs = index.packsAfter(after, PACKS_PER_TURN, false);
      lost += packs.filter(({ stripe }) => isLost(stripe, there)).length;
      const last = packs.at(-1);
      if (last === undefined || packs.length < PACKS_PER_TURN) break;
      after = last.id;
      await clock.sleep(1, signal);
    }
    this.lostPacks = lost;
    this.#seen = seen;
  }
}

/** A stripe with shards that are not placed has its pack on this machine too, and so has one of a
 * single shard. */
function isLost({ k, n, shards }: Stripe, there: ReadonlySet<PeerId>): boolean {
  if (n === 1) return false;
  let reachable = 0;
  for (const { holder } of shards) {
    if (holder === undefined) return false;
    if (there.has(holder)) reachable++;
  }
  return reachable < k;
}
