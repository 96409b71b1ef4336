import type { PeerId } from "../../base/id.ts";
import type { PeerDetail, Reach } from "../../gateway/reach.ts";
import type { ComposeParts } from "../compose.ts";
import type { HolderUsage } from "../../shards/holder.ts";
import { gatherFacts } from "../doctor.ts";
import { describePeers } from "../presence.ts";
import type { ComposedReach } from "./compose-reach.ts";
import { SwarmAffairs } from "./swarm-affairs.ts";
import { doctorSources } from "./doctor-sources.ts";
import type { RunningReach } from "./run-reach.ts";

/** What `Reach` needs beside the net. */
export interface ReachParts {
  reach: ComposedReach;
  running: RunningReach;
  parts: ComposeParts;
  /** Bytes that each peer holds for us, and we for it. */
  holdings: (signal: AbortSignal) => Promise<{
    holdsForMe: ReadonlyMap<PeerId, number>;
    holdForIt: ReadonlyMap<PeerId, number>;
  }>;
  usage: () => HolderUsage;
}

/** The daemon's dealings with its swarm and its network, for the local API. */
export function createReach({ reach, running, parts, holdings, usage }: ReachParts): Reach {
  const { home, known, net, card, client, roster, peerNet, exchange } = reach;
  const { keyring, config, clock, log } = parts;
  const { book } = known;
  const affairs = new SwarmAffairs({
    keyring,
    config,
    home,
    book,
    card,
    net,
    clock,
    log,
    async onJoined(admittedBy, signal) {
      running.wake();
      // Whoever let us in learns our card, and we learn whom it knows.
      if (admittedBy !== undefined) await exchange.ask(admittedBy, signal).catch(() => undefined);
      exchange.wake();
      // Whoever is killed now must find its way back.
      known.flush();
    },
  });
  const sources = doctorSources(reach, running, parts, usage);
  return {
    invite: (input) => Promise.resolve(affairs.invite(input)),
    join: (invitation, signal) => affairs.join(invitation, signal),
    swarm: () => affairs.summary(),
    swarmCreate: (input) => affairs.create(input),
    rekey: (input, signal) => affairs.rekey(input, signal),
    leaveSwarm: () => affairs.leave(),
    async peers(probe, signal) {
      const { holdsForMe, holdForIt } = await holdings(signal);
      const detailOf = (peer: PeerId): PeerDetail => {
        const estimate = roster.estimate(peer);
        const carrier = peerNet.net.carrierOf(peer);
        const lastSeenMs = book.answeredMs(peer);
        const { latencyMs, bytesPerMs } = estimate ?? {};
        return {
          ...(carrier === undefined ? {} : { carrier }),
          ...(latencyMs === undefined ? {} : { roundTripMs: Math.round(latencyMs * 10) / 10 }),
          ...(bytesPerMs === undefined ? {} : { bytesPerSecond: Math.round(bytesPerMs * 1_000) }),
          holdsForMeBytes: holdsForMe.get(peer) ?? 0,
          holdForItBytes: holdForIt.get(peer) ?? 0,
          roles: [],
          source: sourceText(book.sourceOf(peer)),
          ...(lastSeenMs === undefined ? {} : { lastSeenMs }),
        };
      };
      return describePeers(book, probe ? client : undefined, signal, detailOf);
    },
    removePeer: (peer) => book.remove(peer),
    facts: (signal) => gatherFacts(sources, signal),
  };
}

function sourceText(source: string | undefined): string {
  if (source === undefined || source === "hand") return "by hand";
  const [kind = ""] = source.split(":");
  return kind === "self" ? "itself" : kind;
}
