import { openLan } from "../../adapters/lan/lan.ts";
import { systemRandom } from "../../adapters/random.node.ts";
import { messageOf } from "../../base/error.ts";
import type { PeerId } from "../../base/id.ts";
import type { MappingFacts } from "../../gateway/doctor-facts.ts";
import type { PeerCard } from "../../ports/directory.ts";
import { finishRekey } from "../../swarm/membership/courier.ts";
import type { AgentSelf } from "../../swarm/tracker/agent.ts";
import { runAgent, type RunningAgent } from "../../swarm/tracker/run-agent.ts";
import type { Closers } from "../closers.ts";
import type { ComposeParts } from "../compose.ts";
import type { ComposedReach } from "./compose-reach.ts";
import { keepAskingBack } from "./dial-backs.ts";
import { learnOutside } from "./outside.ts";
import { openRouter } from "./router.ts";
import { Search } from "./search.ts";

/** What runs as long as the peer does. */
export interface RunningReach {
  /** Aborted when it ends. */
  signal: AbortSignal;
  agent: RunningAgent;
  /** What the router was asked to open. */
  mappings(): MappingFacts;
  /** Adds peers that the user names, and meets them at once. */
  addByHand(cards: readonly PeerCard[]): void;
  /** Looks for others again at once: the swarm is another. */
  wake(): void;
}

/** Starts all that finds others and makes this peer known; it ends with the closers. */
export function runReach(
  reach: ComposedReach,
  parts: ComposeParts,
  agentSelf: AgentSelf,
  closers: Closers,
): RunningReach {
  const { known, peerNet, net, exchange, card, home } = reach;
  const { config, clock, log, keyring } = parts;
  const closing = new AbortController();
  const { signal } = closing;
  closers.add(() => closing.abort());
  const outside = learnOutside(card, config, peerNet.direct.port);
  const beReachable = (): void => {
    exchange.wake();
    if (card.isPublic) peerNet.relayForOthers();
    peerNet.relayed.wait(!card.isPublic);
  };
  card.onChange(beReachable);
  beReachable();
  const search = new Search(reach, clock, outside, config.dht);
  const router = openRouter(reach, parts, search, closers);
  closers.add(() => search.close());
  void search.run(signal);
  if (config.lan) closers.add(listenInLan(reach, parts));
  void exchange.run(signal);
  void keepAskingBack(reach, clock, signal);
  const peers = known.book.peers().map(({ id }) => id);
  finishRekey({ home, net, peers }, signal).catch((error: unknown) =>
    log.write("warn", "swarm.rekey", { why: messageOf(error) }),
  );
  const addByHand = (cards: readonly PeerCard[]): void => {
    known.add(cards);
    exchange.wake();
  };
  const trackers = (): PeerId[] => known.book.withRole("tracker");
  const asker = { net, self: keyring.peerId, trackers, agent: agentSelf };
  const agent = runAgent({ ...asker, clock, random: systemRandom, log });
  closers.add(() => agent.close());
  return { signal, agent, mappings: () => router.facts(), addByHand, wake: () => search.wake() };
}

function listenInLan(
  { home, known: { book }, peerNet, exchange }: ComposedReach,
  { keyring, clock, log }: ComposeParts,
): () => Promise<void> {
  const lan = openLan({
    swarmKeys: home,
    peerId: keyring.peerId,
    port: peerNet.direct.port,
    clock,
    random: systemRandom,
    log,
    onPeer: ({ peer, address }) => {
      // Whoever is new here is asked for its card at once.
      if (book.addHints("lan", [{ peer, address }]) > 0) exchange.wake();
    },
  });
  return () => lan.close();
}
