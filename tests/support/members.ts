import { MemoryClock } from "../../src/adapters/clock-memory.ts";
import { openDatabase } from "../../src/adapters/database.node.ts";
import { createMemoryNetwork } from "../../src/adapters/net-memory.ts";
import { systemRandom } from "../../src/adapters/random.node.ts";
import { equalBytes } from "../../src/base/bytes.ts";
import { idOf, type AccountId, type PeerId } from "../../src/base/id.ts";
import type { CardBody } from "../../src/codec/card.ts";
import {
  decodeSwarmState,
  encodeSwarmState,
  type SwarmState,
} from "../../src/codec/swarm-state.ts";
import type { SigningKey } from "../../src/crypto/sign.node.ts";
import { lobbyKeyOf } from "../../src/crypto/swarm-key.ts";
import { signCertificate } from "../../src/object/certificate.ts";
import type { Net, PeerHandler, Standing } from "../../src/ports/net.ts";
import { signCard } from "../../src/swarm/card-book.ts";
import { spreadUse } from "../../src/swarm/membership/courier.ts";
import { foundSwarm } from "../../src/swarm/membership/found.ts";
import { createInvitation, parseInvitation } from "../../src/swarm/membership/invitation.ts";
import { joinWith, type Joined } from "../../src/swarm/membership/join.ts";
import { createMembership, type Membership } from "../../src/swarm/membership/membership.ts";
import { SwarmHome } from "../../src/swarm/membership/swarm-home.ts";
import { openHolderPeer } from "./swarm-peer.ts";
import { keyOf } from "./tls-pair.ts";

export const never = new AbortController().signal;
export const DAY = 86_400_000;

/** An account with one device. */
export interface Person {
  root: SigningKey;
  key: SigningKey;
  account: AccountId;
  self: PeerId;
  certificate: Uint8Array;
}

/** The person of a number; two numbers are two people. */
export function personOf(number: number): Person {
  const root = keyOf(100 + number);
  const key = keyOf(10 + number);
  const account = idOf(root.publicKey);
  const self = idOf(key.publicKey);
  const agreementKey = new Uint8Array(32);
  const body = { account, peer: self, agreementKey, name: `device ${number}`, number: 1 };
  return { root, key, account, self, certificate: signCertificate(root, body) };
}

/** A signed card as peers of a home connection have it. */
export function cardOf({ key, self }: Person, addresses = 2): Uint8Array {
  const all = ["203.0.113.77:41234", "[2001:db8:85a3:8d3:1319:8a2e:370:7348]:41234"];
  const body: Omit<CardBody, "protocol"> = {
    id: self,
    addresses: all.slice(0, addresses),
    offeredBytes: 53_687_091_200,
    timeMs: 1_800_000_000_000,
  };
  return signCard(key, { ...body, protocol: 1 });
}

/** A member with a home, a handler and a net. */
export interface Member extends Person {
  home: SwarmHome;
  membership: Membership;
  net: Net;
  /** What was saved last. */
  saved(): SwarmState;
  /** Reports of used invitations that are on their way. */
  reports: Promise<PeerId[]>[];
  close(): Promise<void>;
}

/** Peers in memory that find out each other's standing as with a knock: by the key they show. */
export class Members {
  readonly clock = new MemoryClock();
  readonly network = createMemoryNetwork(this.clock);
  readonly #keys = new Map<PeerId, () => Uint8Array>();
  readonly #members: Member[] = [];

  /** Opens the founder of a new swarm. */
  async found(number: number): Promise<Member> {
    const person = personOf(number);
    return await this.open(person, foundSwarm(systemRandom.bytes(32), person.account));
  }

  /** Opens a peer that is in the swarm of `state`. */
  async open(person: Person, state: SwarmState): Promise<Member> {
    let saved = encodeSwarmState(state);
    const save = async (next: SwarmState): Promise<void> => void (saved = encodeSwarmState(next));
    const home = new SwarmHome({ state, save, clock: this.clock });
    this.#keys.set(person.self, () => home.current().key);
    const net = this.network.net(person.self);
    const database = openDatabase(":memory:");
    const reports: Promise<PeerId[]>[] = [];
    const announceUse = (report: Uint8Array): void => {
      const others = this.#members.map(({ self }) => self).filter((peer) => peer !== person.self);
      reports.push(spreadUse(net, others, report, never));
    };
    const parts = { home, root: person.root, database, clock: this.clock, announceUse };
    const membership = createMembership(parts);
    const listening = { ...net, listen: (handler: PeerHandler) => net.listen(knocked(handler)) };
    const knocked =
      (handler: PeerHandler): PeerHandler =>
      async (request) =>
        await handler({ ...request, standing: this.#standing(home, request.peer) });
    const peer = await openHolderPeer(person.key, listening, this.clock, membership);
    const close = async (): Promise<void> => {
      await peer.close();
      database.close();
    };
    const member = { ...person, home, membership, net, reports, close };
    this.#members.push({ ...member, saved: () => decodeSwarmState(saved) });
    return { ...member, saved: () => decodeSwarmState(saved) };
  }

  /** A net that knocks with any key. */
  knockingWith({ self }: Person, key: Uint8Array): Net {
    this.#keys.set(self, () => key);
    return this.network.net(self);
  }

  /** An invitation of a member, as text. */
  invite(by: Member, cards: readonly Person[], options: { uses?: number; days?: number } = {}) {
    const nowMs = this.clock.nowMs();
    return createInvitation({
      state: by.home.state,
      root: by.root,
      self: by.self,
      cards: cards.map((person) => cardOf(person)),
      nowMs,
      expiresMs: nowMs + (options.days ?? 7) * DAY,
      uses: options.uses ?? 1,
      random: systemRandom,
    }).text;
  }

  /** Lets a guest use an invitation's text. */
  async join(guest: Person, text: string): Promise<Joined> {
    const invitation = parseInvitation(text);
    const key = invitation.kind === "closed" ? invitation.lobby : invitation.key;
    const net = this.knockingWith(guest, key);
    return await joinWith({ ...guest, net, invitation, clock: this.clock }, never);
  }

  /** Lets a guest in by a member's invitation, and opens it. */
  async add(number: number, by: Member, cards: readonly Person[] = [by]): Promise<Member> {
    const guest = personOf(number);
    const { state } = await this.join(guest, this.invite(by, cards));
    return await this.open(guest, state);
  }

  /** Ends what all members have open. */
  async close(): Promise<void> {
    for (const member of this.#members) {
      await Promise.all(member.reports);
      await member.close();
    }
  }

  #standing(home: SwarmHome, asker: PeerId): Standing {
    const shown = this.#keys.get(asker)?.() ?? new Uint8Array(0);
    const [current, previous] = [home.current().key, home.previous()?.key];
    if (equalBytes(shown, current)) return "member";
    if (previous !== undefined && equalBytes(shown, previous)) return "former";
    const lobbies = [current, previous ?? current].map(lobbyKeyOf);
    if (lobbies.some((lobby) => equalBytes(shown, lobby))) return "guest";
    throw new Error("over a wire it would have been closed without a byte");
  }
}

/** Runs `work` among members, and ends them. */
export async function withMembers(work: (members: Members) => Promise<void>): Promise<void> {
  const members = new Members();
  try {
    await work(members);
  } finally {
    await members.close();
  }
}
