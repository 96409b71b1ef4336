import type { PeerId } from "../../base/id.ts";
import type { Random } from "../../ports/random.ts";
import { networkOf, type Agent } from "./agent.ts";

/** More free space than this makes nobody likelier: what an agent says of it is its own word. */
const WEIGHT_MAX_BYTES = 2 ** 40;

/** Chooses agents with room for a shard, likelier where more is free: distinct sites and networks
 * first, then whoever is left.
 * @param asker never chosen */
export function chooseForUpload(
  agents: Iterable<Agent>,
  asker: PeerId,
  sizeBytes: number,
  count: number,
  random: Random,
): Agent[] {
  const roomy: Agent[] = [];
  for (const agent of agents) {
    const hasRoom = agent.freeBytes >= Math.max(1, sizeBytes) && agent.peer !== asker;
    if (hasRoom && agent.card !== undefined) roomy.push(agent);
  }
  const taken = new Set<string>();
  const first: Agent[] = [];
  const second: Agent[] = [];
  for (const agent of weighted(roomy, random)) {
    if (first.length >= count) break;
    const domains = domainsOf(agent);
    const isFresh = !domains.some((domain) => taken.has(domain));
    (isFresh ? first : second).push(agent);
    if (isFresh) for (const domain of domains) taken.add(domain);
  }
  return [...first, ...second].slice(0, count);
}

/** What would fall together with an agent. */
function domainsOf({ card, seen }: Agent): string[] {
  const site = card?.body.site;
  return [
    ...(site === undefined ? [] : [`site ${site}`]),
    ...(seen === undefined ? [] : [`network ${networkOf(seen)}`]),
  ];
}

/** A random order in which an agent with twice the space is twice as likely to be first: by
 * -ln(u) / weight (Efraimidis and Spirakis, 2006). */
function weighted(agents: readonly Agent[], random: Random): Agent[] {
  const bytes = random.bytes(4 * agents.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return agents
    .map((agent, index) => {
      const u = (view.getUint32(4 * index, true) + 0.5) / 2 ** 32;
      return { agent, cost: -Math.log(u) / Math.min(agent.freeBytes, WEIGHT_MAX_BYTES) };
    })
    .sort((a, b) => a.cost - b.cost)
    .map(({ agent }) => agent);
}
