import type { PeerId } from "../base/id.ts";
import type { KnownPeer } from "./control.ts";
import type { DoctorFacts } from "./doctor-facts.ts";
import { GatewayError } from "./error.ts";
import type { InviteInput, Reach, SwarmSummary } from "./reach.ts";

/** What an in-memory twin of `Reach` begins with; tests change it while it runs. */
export interface MemoryReachState {
  swarm: SwarmSummary;
  peers: KnownPeer[];
  facts: DoctorFacts;
  /** What `invite` was asked for last. */
  invited?: InviteInput;
  /** What `join` was given last. */
  joined?: string;
  /** Thrown by the next call that does something. */
  failure?: Error;
}

/** The invitation that the twin makes: a real one is about as long. */
export const MEMORY_INVITATION = `holdfast://join/${"k5x2".repeat(150)}`;

/** Facts of a peer with a public address, where all is well. */
export function openFacts(): DoctorFacts {
  return {
    port: 4470,
    publicAddress: "203.0.113.7:4470",
    router: { nat: "open", udpBlocked: false, publicHost: "203.0.113.7", asked: 4 },
    dialBack: { asked: 2, reached: 2, near: 0, address: "203.0.113.7:4470" },
    mappings: { ports: [] },
    ipv6: ["[2001:db8::7]:4470"],
    dht: { network: "swarm", bootstrapped: true, bootstrapNodes: 4, ownNodes: 4 },
    trackers: [],
    relays: { known: 1, connected: 1, isRelay: true },
    peers: { known: 3, direct: 3, punched: 0, relayed: 0 },
    clockSkewsMs: [120, -80],
    home: { freeBytes: 2 ** 38, offeredBytes: 2 ** 35, usedBytes: 2 ** 30, exposed: [] },
    versions: { holdfast: "1.2.3", node: "26.0.0", protocolMismatches: 0, asked: 3 },
  };
}

/** The founder of a swarm without other members, who knows some peers; all is well. */
export function founderState(account: string, peers: readonly PeerId[]): MemoryReachState {
  const swarm = { id: account, open: false, founder: account, isFounder: true, keyNumber: 1 };
  return {
    swarm: { ...swarm, members: 1 },
    peers: peers.map(namedPeer),
    facts: openFacts(),
  };
}

/** A peer of which nothing more is known than that somebody named it. */
export function namedPeer(id: PeerId): KnownPeer {
  const nothing = { holdsForMeBytes: 0, holdForItBytes: 0, roles: [] };
  return { id, addresses: [], offeredBytes: 1, source: "by hand", ...nothing };
}

/** An in-memory twin of `Reach` over `state`, without a network: for tests of what lies above. */
export function createMemoryReach(state: MemoryReachState): Reach {
  const fail = (): void => {
    const { failure } = state;
    delete state.failure;
    if (failure !== undefined) throw failure;
  };
  return {
    ...swarmPart(state, fail),
    async invite(input) {
      fail();
      state.invited = input;
      const reachable = state.peers.filter((peer) => peer.reachable === true).length;
      const members = state.peers.length + 1;
      const warnings = reachable === 0 ? ["no member is publicly reachable"] : [];
      return { invitation: MEMORY_INVITATION, members, reachable, warnings };
    },
    peers: async (probe) =>
      state.peers.map(({ reachable, ...peer }) =>
        probe && reachable !== undefined ? { ...peer, reachable } : peer,
      ),
    removePeer(peer) {
      const before = state.peers.length;
      state.peers = state.peers.filter(({ id }) => id !== peer);
      return state.peers.length < before;
    },
    facts: async () => {
      fail();
      return state.facts;
    },
  };
}

function swarmPart(
  state: MemoryReachState,
  fail: () => void,
): Omit<Reach, "invite" | "peers" | "removePeer" | "facts"> {
  const refuseOthers = (): void => {
    if (state.swarm.members === 1) return;
    throw new GatewayError("SWARM_NOT_ALONE", "this home is in a swarm with others", {
      hint: "`holdfast swarm leave` first",
    });
  };
  const alone = (id: string, open: boolean): SwarmSummary => {
    state.peers = [];
    state.swarm = { ...state.swarm, id, open, isFounder: true, keyNumber: 1, members: 1 };
    return state.swarm;
  };
  return {
    async join(invitation) {
      fail();
      refuseOthers();
      state.joined = invitation;
      state.swarm = { ...state.swarm, isFounder: false, members: state.peers.length + 1 };
      const admittedBy: PeerId = state.peers[0]?.id ?? "";
      const steps = state.peers.map(({ id }) => `peer ${id}: admitted us`);
      return { swarm: state.swarm.id, admittedBy, carrier: "punched", peers: steps.length, steps };
    },
    swarm: () => state.swarm,
    async swarmCreate({ open }) {
      fail();
      refuseOthers();
      return alone(`${state.swarm.id}2`, open);
    },
    async rekey({ without }) {
      fail();
      const { swarm, peers } = state;
      state.swarm = { ...swarm, keyNumber: swarm.keyNumber + 1 };
      state.peers = peers.filter(({ id }) => !without.includes(id));
      const told = state.peers.filter((peer) => peer.reachable === true).length;
      const waiting = state.peers.length - told;
      return { number: state.swarm.keyNumber, told, waiting, leftBehind: without };
    },
    async leaveSwarm() {
      fail();
      return alone(`${state.swarm.id}3`, false);
    },
  };
}
