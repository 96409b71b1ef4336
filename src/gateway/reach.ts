import type { PeerId } from "../base/id.ts";
import type { CarrierKind } from "../ports/net.ts";
import type { PeerRole } from "../ports/directory.ts";
import type { KnownPeer } from "./control.ts";
import type { DoctorFacts } from "./doctor-facts.ts";

/** What an invitation shall allow. */
export interface InviteInput {
  /** How many peers may join with it. */
  uses: number;
  /** When it ends, in milliseconds since 1970. */
  expiresMs: number;
  /** Bytes that the inviter answers for; nothing without it. */
  vouchBytes?: number;
}

/** An invitation, and how good it is. */
export interface Invited {
  /** `holdfast://join/…`. */
  invitation: string;
  /** Members whose cards it carries, this peer included. */
  members: number;
  /** Those of them that were reached from outside of their network. */
  reachable: number;
  /** What the inviter should know, each one line. */
  warnings: string[];
}

/** How joining went. */
export interface Joined {
  /** The id of the swarm that this home is in now. */
  swarm: string;
  /** Empty for an open swarm, where nobody has to. */
  admittedBy: PeerId;
  carrier?: CarrierKind;
  /** Peers that are known now. */
  peers: number;
  /** What was tried, in its order, each one line: "peer abc… at 192.0.2.7:4242: timed out". */
  steps: string[];
}

/** The swarm of this home. */
export interface SwarmSummary {
  id: string;
  open: boolean;
  /** The account that may shut peers out by `swarm rekey`; null where nobody may. */
  founder: string | null;
  isFounder: boolean;
  /** The number of the network key. */
  keyNumber: number;
  /** Peers known to be in it, this one included. */
  members: number;
}

/** What a change of the network key has come to. */
export interface Rekeyed {
  /** The new key's number. */
  number: number;
  /** Members that have it already. */
  told: number;
  /** Members that fetch it when they are there again, until the grace has passed. */
  waiting: number;
  /** Peers that do not get it. */
  leftBehind: PeerId[];
}

/** What `peers` says of one peer beside its card. */
export interface PeerDetail {
  /** How the sessions that are open now run; undefined: none is open. */
  carrier?: CarrierKind;
  /** Of one request on a session that was open already. */
  roundTripMs?: number;
  /** As observed in transfers, the faster of the two directions. */
  bytesPerSecond?: number;
  /** Bytes of shards of ours that it has given receipts for. */
  holdsForMeBytes: number;
  /** Bytes of shards that we keep for its account. */
  holdForItBytes: number;
  roles: PeerRole[];
  /** Where it is known from: "by hand", "invitation", "exchange", "dht", "tracker", "lan". */
  source: string;
  /** When it last answered. */
  lastSeenMs?: number;
}

/** The daemon's dealings with its swarm and its network, as the local API needs them.
 * @throws HoldfastError with the codes of docs/errors.md */
export interface Reach {
  /** Makes an invitation, signed by this home's account. */
  invite(input: InviteInput, signal: AbortSignal): Promise<Invited>;
  /** Joins the swarm of an invitation; only from a home whose own swarm has no other member.
   * @throws GatewayError SWARM_NOT_ALONE, SwarmError INVITATION_*: of INVITATION_UNANSWERED the
   * message says what was tried */
  join(invitation: string, signal: AbortSignal): Promise<Joined>;
  swarm(): SwarmSummary;
  /** Makes a new swarm of which this home is the founder and the only member.
   * @throws GatewayError SWARM_NOT_ALONE */
  swarmCreate(input: { open: boolean }, signal: AbortSignal): Promise<SwarmSummary>;
  /** Changes the network key and tells every member that is not named. */
  rekey(input: { without: PeerId[]; graceMs: number }, signal: AbortSignal): Promise<Rekeyed>;
  /** Leaves the swarm for a new one that has no other member.
   * @returns the new swarm */
  leaveSwarm(signal: AbortSignal): Promise<SwarmSummary>;
  /** The known peers; with `probe` each is asked whether it is there. */
  peers(probe: boolean, signal: AbortSignal): Promise<KnownPeer[]>;
  /** Forgets a peer; it is known again when somebody names it.
   * @returns whether it was known */
  removePeer(peer: PeerId): boolean;
  /** What there is to know about this peer's network and home; bounded in time. */
  facts(signal: AbortSignal): Promise<DoctorFacts>;
}
