import { openLan } from "../../adapters/lan/lan.ts";
import { systemRandom } from "../../adapters/random.node.ts";
import { messageOf } from "../../base/error.ts";
import type { PeerId } from "../../base/id.ts";
import type { MappingFacts } from "../../gateway/doctor-facts.ts";
import { finishRekey } from "../../swarm/membership/courier.ts";
import type { AgentSelf } from "../../swarm/tracker/agent.ts";
import { runAgent, type RunningAgent } from "../../swarm/tracker/run-agent.ts";
import type { Closers } from "../closers.ts";
import type { ComposeParts } from "../compose.ts";
import type { ComposedReach } from "./compose-reach.ts";
import { learnOutside, type OutsideHost } from "./outside.ts";

/** DHT nodes of others that are tried. */
const BOOTSTRAP_MAX = 32;
/** How often the DHT is asked who is in the swarm; more often while nobody else is known. */
const MEMBERS_MS = 10 * 60_000;
const MEMBERS_LONELY_MS = 20_000;
/** How long after something became known it is acted upon, together with what else did. */
const SETTLE_MS = 200;

/** What runs as long as the peer does. */
export interface RunningReach {
  /** Aborted when it ends. */
  signal: AbortSignal;
  agent: RunningAgent;
  /** What the router was asked to open. */
  mappings(): MappingFacts;
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
  const { book } = known;
  const closing = new AbortController();
  const { signal } = closing;
  closers.add(() => closing.abort());
  const outside = learnOutside(card, config, peerNet.direct.port);
  const play = playing(reach, outside, config.dht);
  card.onChange(() => exchange.wake());
  if (card.isPublic) peerNet.relayForOthers();
  peerNet.relayed.wait(!card.isPublic);

  let changed = new AbortController();
  const stopListening = book.onChange(() => changed.abort());
  const stopFollowing = home.onChange(() => {
    changed.abort();
    exchange.wake();
  });
  closers.add(stopListening);
  closers.add(stopFollowing);
  void (async () => {
    while (!signal.aborted) {
      await play().catch((error: unknown) =>
        log.write("warn", "dht.play", { why: messageOf(error) }),
      );
      await reach.directories.askAround(signal).catch(() => undefined);
      changed = new AbortController();
      const waitMs = book.peers().length === 0 ? MEMBERS_LONELY_MS : MEMBERS_MS;
      await clock.sleep(waitMs, AbortSignal.any([signal, changed.signal])).catch(() => undefined);
      await clock.sleep(SETTLE_MS, signal).catch(() => undefined);
    }
  })();
  if (config.lan) {
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
    closers.add(() => lan.close());
  }
  void exchange.run(signal);
  const peers = book.peers().map(({ id }) => id);
  finishRekey({ home, net, peers }, signal).catch((error: unknown) =>
    log.write("warn", "swarm.rekey", { why: messageOf(error) }),
  );
  const trackers = (): PeerId[] => book.withRole("tracker");
  const agent = runAgent({
    net,
    self: keyring.peerId,
    trackers,
    agent: agentSelf,
    clock,
    random: systemRandom,
    log,
  });
  closers.add(() => agent.close());
  return { signal, agent, mappings: () => ({ ports: [] }), wake: () => changed.abort() };
}

/** Opens the DHT as soon as there is a way into it, and tells it of new nodes. */
function playing(
  { known: { book }, dht }: ComposedReach,
  outside: OutsideHost | undefined,
  isWanted: boolean,
): () => Promise<void> {
  let told = "";
  return async () => {
    if (!isWanted) return;
    const bootstrap = book.bootstrap(BOOTSTRAP_MAX);
    const now = bootstrap.toSorted().join(" ");
    if (now === told && dht.parts !== undefined) return;
    told = now;
    await dht.play({ bootstrap, outside });
  };
}
