import { systemRandom } from "../../adapters/random.node.ts";
import { messageOf } from "../../base/error.ts";
import type { Database } from "../../ports/database.ts";
import type { PeerHandler } from "../../ports/net.ts";
import { createDialBack, type DialBack } from "../../swarm/dial-back.ts";
import { spreadUse } from "../../swarm/membership/courier.ts";
import { createMembership, type Membership } from "../../swarm/membership/membership.ts";
import { createPeerHandler, type PeerHandlerOptions } from "../../swarm/server.ts";
import type { AgentSelf } from "../../swarm/tracker/agent.ts";
import { openTracker } from "../../swarm/tracker/tracker.ts";
import type { Closers } from "../closers.ts";
import type { ComposeParts } from "../compose.ts";
import { serveOnPort } from "../listen.ts";
import type { ComposedReach } from "./compose-reach.ts";

/** Telling others that an invitation was used may take so long. */
const TELL_MAX_MS = 20_000;

/** What peers are served from, beside what belongs to reach itself. */
export type ServedParts = Pick<PeerHandlerOptions, "holder" | "records" | "hello"> & {
  /** The holder's, for what membership counts. */
  database: Database;
  /** What the tracker speaks of; this peer is one if its configuration says so. */
  agent: AgentSelf;
};

/** Serves peers over every carrier, and trackers' questions where this peer is one.
 * @returns the port, once it listens
 * @throws DaemonError PORT_TAKEN */
export function serveReach(
  reach: ComposedReach,
  parts: ComposeParts,
  { database, agent, ...served }: ServedParts,
  closers: Closers,
): Promise<number> {
  const { paths, config, clock, log, keyring } = parts;
  const { net, known, exchange, wantedPort } = reach;
  const handler = createPeerHandler({
    ...served,
    clock,
    log,
    cards: () => exchange.cards(),
    takeCard(peer, bytes) {
      exchange.take(peer, bytes);
      if (!known.book.hasAnswered(peer)) exchange.wake();
    },
    dialBack: dialBackOf(reach, parts),
    membership: membershipOf(reach, parts, database),
  });
  if (!config.tracker) return serveOnPort(net, handler, undefined, wantedPort, paths);
  const self = keyring.peerId;
  const tracker = openTracker({ self, clock, random: systemRandom, log, local: agent });
  closers.add(() => tracker.close());
  const either: PeerHandler = (request) =>
    tracker.serves(request.path) ? tracker.handle(request) : handler(request);
  return serveOnPort(net, either, tracker.streams, wantedPort, paths);
}

function membershipOf(
  { home, net, known: { book } }: ComposedReach,
  { keyring, clock, log }: ComposeParts,
  database: Database,
): Membership {
  const announceUse = (report: Uint8Array): void => {
    const others = book.peers().map(({ id }) => id);
    spreadUse(net, others, report, AbortSignal.timeout(TELL_MAX_MS)).catch((error: unknown) =>
      log.write("debug", "swarm.use", { why: messageOf(error) }),
    );
  };
  return createMembership({ home, root: keyring.root, database, clock, announceUse });
}

function dialBackOf({ peerNet }: ComposedReach, { clock }: ComposeParts): DialBack {
  return createDialBack({
    clock,
    dialDirect: async (peer, address, signal) => {
      const socket = await peerNet.direct.dialAt(address, peer, signal);
      socket.destroy();
    },
  });
}
