import type { Keyring } from "../../account/keyring.ts";
import { systemRandom } from "../../adapters/random.node.ts";
import { messageOf } from "../../base/error.ts";
import type { PeerId } from "../../base/id.ts";
import { GatewayError } from "../../gateway/error.ts";
import type { InviteInput, Invited, Joined, Rekeyed, SwarmSummary } from "../../gateway/reach.ts";
import type { Clock } from "../../ports/clock.ts";
import type { PeerCard } from "../../ports/directory.ts";
import type { Log } from "../../ports/log.ts";
import type { Net } from "../../ports/net.ts";
import { rekeySwarm } from "../../swarm/membership/courier.ts";
import { foundSwarm } from "../../swarm/membership/found.ts";
import { createInvitation, parseInvitation } from "../../swarm/membership/invitation.ts";
import { invitationCards, joinWith } from "../../swarm/membership/join.ts";
import type { SwarmHome } from "../../swarm/membership/swarm-home.ts";
import type { PeerBook } from "../../swarm/peer-book.ts";
import { isPublicAddress } from "../../base/public-address.ts";
import { parseAddress } from "../../base/address.ts";
import type { Config } from "../config.ts";
import { openLobbyNet } from "./lobby-net.ts";
import type { OwnCard } from "./own-card.ts";

const KEY_BYTES = 32;
/** Members whose cards are looked at for an invitation. */
const CARDS_LOOKED_AT_MAX = 64;

export interface SwarmAffairsParts {
  keyring: Keyring;
  config: Pick<Config, "public_dht">;
  home: SwarmHome;
  book: PeerBook;
  card: OwnCard;
  /** Knocks with the key that `home` has. */
  net: Net;
  clock: Clock;
  log: Log;
  /** Makes this peer known in the swarm that it has joined just now. */
  onJoined: (admittedBy: PeerId | undefined, signal: AbortSignal) => Promise<void>;
}

/** What a home does about the swarm that it is in. */
export class SwarmAffairs {
  readonly #parts: SwarmAffairsParts;

  constructor(parts: SwarmAffairsParts) {
    this.#parts = parts;
  }

  summary(): SwarmSummary {
    const { home, keyring, book } = this.#parts;
    const { id, open, founder, keys } = home.state;
    return {
      id,
      open,
      founder: founder ?? null,
      isFounder: founder === keyring.account,
      keyNumber: keys[0].number,
      members: 1 + book.peers().filter(({ id: peer }) => !home.isExcluded(peer)).length,
    };
  }

  invite(input: InviteInput): Invited {
    const { keyring, home, book, card, clock } = this.#parts;
    const others = book.peers().slice(0, CARDS_LOOKED_AT_MAX);
    const named = others.flatMap((peer) => {
      const bytes = home.isExcluded(peer.id) ? undefined : book.cardOf(peer.id);
      return bytes === undefined ? [] : [{ bytes, isPublic: isOutside(peer) }];
    });
    // Whoever can be reached from everywhere first; this peer itself before its equals.
    const own = { bytes: card.signed(), isPublic: card.isPublic };
    const outside = [own, ...named].filter(({ isPublic }) => isPublic);
    const inside = [own, ...named].filter(({ isPublic }) => !isPublic);
    const { text, invitation } = createInvitation({
      state: home.state,
      root: keyring.root,
      self: keyring.peerId,
      cards: [...outside, ...inside].map(({ bytes }) => bytes),
      nowMs: clock.nowMs(),
      random: systemRandom,
      ...input,
    });
    const members = invitation.cards.length;
    const reachable = Math.min(members, outside.length);
    const warnings = reachable > 0 ? [] : [NOBODY_OUTSIDE];
    return { invitation: text, members, reachable, warnings };
  }

  async join(text: string, signal: AbortSignal): Promise<Joined> {
    const { keyring, home, book, clock, log } = this.#parts;
    const invitation = parseInvitation(text);
    if (invitation.swarm === home.state.id) {
      throw new GatewayError("SWARM_NOT_ALONE", "this home is in that swarm already");
    }
    this.#checkAlone();
    const cards = invitationCards(invitation);
    const steps = cards.map(({ id, addresses }) => `asked ${id} at ${addresses.join(", ")}`);
    const net = await openLobbyNet(invitation, this.#parts, signal);
    try {
      const { account, peerId: self, certificate } = keyring;
      const joined = await joinWith({ net, invitation, account, self, certificate, clock }, signal);
      for (const bytes of invitation.cards) takeCard(book, bytes, log);
      await home.replace(joined.state);
      await this.#parts.onJoined(joined.admittedBy, signal);
      return {
        swarm: joined.state.id,
        admittedBy: joined.admittedBy ?? "",
        peers: book.peers().length,
        steps,
      };
    } finally {
      await net.close();
    }
  }

  async create(input: { open: boolean }): Promise<SwarmSummary> {
    this.#checkAlone();
    return this.#found(input.open);
  }

  async leave(): Promise<SwarmSummary> {
    const { book } = this.#parts;
    const summary = await this.#found(false);
    for (const { id } of book.peers()) book.remove(id);
    return summary;
  }

  async rekey(
    input: { without: readonly PeerId[]; graceMs: number },
    signal: AbortSignal,
  ): Promise<Rekeyed> {
    const { home, net, keyring, book, clock } = this.#parts;
    const members = book.peers().map(({ id }) => id);
    const parts = { home, net, root: keyring.root, peers: members, clock, random: systemRandom };
    const { graceMs, without } = input;
    const wish = { self: keyring.peerId, members, exclude: without, graceMs };
    const { number, told, waiting } = await rekeySwarm(parts, wish, signal);
    return {
      number,
      told: told.length,
      waiting: waiting.length,
      leftBehind: [...home.named.excluded],
    };
  }

  /** @throws GatewayError SWARM_NOT_ALONE */
  #checkAlone(): void {
    const { book } = this.#parts;
    const others = book.peers().length;
    if (others === 0) return;
    throw new GatewayError(
      "SWARM_NOT_ALONE",
      `this home is in a swarm with ${others} other ${others === 1 ? "peer" : "peers"}`,
      {
        hint: "`holdfast swarm leave` leaves it; another home can be in another swarm: --home DIR",
      },
    );
  }

  async #found(open: boolean): Promise<SwarmSummary> {
    const { home, keyring } = this.#parts;
    await home.replace(foundSwarm(systemRandom.bytes(KEY_BYTES), keyring.account, open));
    return this.summary();
  }
}

const NOBODY_OUTSIDE =
  "no member can be reached from outside of its network: the invitation works only in this one";

/** Whether a peer says that it can be reached from everywhere. */
function isOutside({ addresses }: PeerCard): boolean {
  return addresses.some((text) => {
    const address = parseAddress(text);
    return address !== undefined && isPublicAddress(address.host);
  });
}

function takeCard(book: PeerBook, bytes: Uint8Array, log: Log): void {
  try {
    book.addCard(bytes, "invitation");
  } catch (error) {
    log.write("debug", "join.card", { why: messageOf(error) });
  }
}
