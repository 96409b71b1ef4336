import type { PeerId, ShardId } from "../../base/id.ts";
import {
  TRACKER_ANSWER_MS,
  TRACKER_GRACE_MS,
  WHO_HAS_ADDRESSES_MAX,
  WHO_HAS_ASKED_MAX,
} from "../../base/limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";
import type { Agent } from "./agent.ts";

/** Those but the asker of the agents that may hold a shard; a random WHO_HAS_ASKED_MAX of them
 * where there are more, so that liars push nobody out for good. */
export function candidatesOf(
  agents: readonly Agent[],
  asker: PeerId,
  random: Random,
): readonly Agent[] {
  const found = agents.filter(({ peer }) => peer !== asker);
  return found.length > WHO_HAS_ASKED_MAX ? sample(found, WHO_HAS_ASKED_MAX, random) : found;
}

/** A random `count` of the items. */
export function sample<Item>(items: readonly Item[], count: number, random: Random): Item[] {
  const bytes = random.bytes(4 * items.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return items
    .map((item, index) => ({ item, lot: view.getUint32(4 * index, true) }))
    .sort((a, b) => a.lot - b.lot)
    .slice(0, count)
    .map(({ item }) => item);
}

/** Made once: a reason with a fresh stack for each look-up costs more than the look-up. */
const SETTLED = new Error("the look-up is settled");

/** Asks all candidates at once whether they hold a shard.
 * @returns those that said so, in the order of their answers, at most WHO_HAS_ADDRESSES_MAX; they
 * are waited for TRACKER_ANSWER_MS at most, and TRACKER_GRACE_MS after the first that does */
export function confirm(
  candidates: readonly Agent[],
  id: ShardId,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly Agent[]> {
  if (candidates.length === 0) return Promise.resolve([]);
  return new Promise((resolve) => {
    const holding: Agent[] = [];
    const stop = new AbortController();
    const questions = candidates.map((agent) => ({ agent, question: agent.whoHas(id) }));
    let open = questions.length;
    const finish = (): void => {
      if (stop.signal.aborted) return;
      stop.abort(SETTLED);
      signal.removeEventListener("abort", finish);
      for (const { question } of questions) question.giveUp();
      resolve(holding.slice(0, WHO_HAS_ADDRESSES_MAX));
    };
    const finishIn = (durationMs: number): void => {
      clock.sleep(durationMs, stop.signal).then(finish, () => undefined);
    };
    const settle = (agent: Agent, holds: boolean | undefined): void => {
      open--;
      if (holds === true) holding.push(agent);
      if (open === 0 || holding.length >= WHO_HAS_ADDRESSES_MAX) finish();
      else if (holds === true && holding.length === 1) finishIn(TRACKER_GRACE_MS);
    };
    finishIn(TRACKER_ANSWER_MS);
    signal.addEventListener("abort", finish, { once: true });
    for (const { agent, question } of questions) {
      void question.answer.then((holds) => settle(agent, holds));
    }
  });
}
