import { parseAddress, type HostPort } from "../../base/address.ts";
import { base64UrlDecode } from "../../base/base64url.ts";
import { codeOf } from "../../base/error.ts";
import { isPublicAddress } from "../../base/public-address.ts";
import { epochOf, type PeerId, type ShardId } from "../../base/id.ts";
import type { CardBody } from "../../codec/card.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Holder } from "../../ports/holder.ts";
import type { Inventory } from "../../ports/inventory.ts";
import { CERTIFICATE_HEADER, createAskers } from "../asker.ts";
import { codeWord } from "./dialogue.ts";

/** A request for a ticket, as a client makes it and a tracker passes it on. */
export interface IntroductionWish {
  /** Who wants to upload. */
  peer: PeerId;
  /** Where the tracker sees it. */
  address?: HostPort;
  shard: ShardId;
  lengthBytes: number;
  /** Text of the signed device certificate: for which account. It must be of `peer`. */
  certificate: string;
}

/** A signed ticket, or the holder's code for why there is none. */
export type Introduction = { ticket: Uint8Array } | { code: string };

/** What an agent speaks of: the holder of this peer. */
export interface AgentSelf {
  /** Our signed card, the newest. */
  card: () => Uint8Array;
  freeBytes: () => number;
  inventory: Inventory;
  introduce(wish: IntroductionWish): Promise<Introduction>;
}

/** Gives tickets to peers that a tracker speaks for, as `POST /v1/tickets` does to those that ask
 * themselves. The tracker's word for who asks is enough: a ticket serves nobody but the peer and
 * the account that it names, and those prove themselves when they upload. */
export function createTicketDesk(
  holder: Pick<Holder, "reserve">,
  clock: Clock,
): AgentSelf["introduce"] {
  const askers = createAskers();
  return async ({ peer, shard, lengthBytes, certificate }) => {
    try {
      const headers = { [CERTIFICATE_HEADER]: certificate };
      const asker = askers.askerOf({ peer, headers });
      const wish = { id: shard, lengthBytes };
      const [grant] = await holder.reserve(asker, [wish], epochOf(clock.nowMs()));
      if (grant?.outcome === "granted") return { ticket: grant.ticket };
      return { code: grant?.outcome === "held" ? "SHARD_HELD" : codeWord(grant?.code) };
    } catch (error) {
      return { code: codeWord(codeOf(error)) };
    }
  };
}

/** The bytes of a ticket or card in a line, or undefined. */
export function signedBytes(text: string | undefined): Uint8Array | undefined {
  const bytes = text === undefined ? undefined : base64UrlDecode(text);
  return bytes === undefined || bytes.length === 0 ? undefined : bytes;
}

/** A question to an agent. */
export interface Question<Answer> {
  /** Settles in any case; undefined: there was no answer. */
  readonly answer: Promise<Answer | undefined>;
  /** Waits no longer. */
  giveUp(): void;
}

/** An agent as its tracker sees it. */
export interface Agent {
  readonly peer: PeerId;
  /** Its card, checked; undefined as long as it has not said what it is. */
  readonly card: { readonly body: CardBody; readonly bytes: Uint8Array } | undefined;
  /** Where the tracker sees it. */
  readonly seen: HostPort | undefined;
  readonly freeBytes: number;
  whoHas(id: ShardId): Question<boolean>;
  introduce(wish: IntroductionWish): Question<Introduction>;
}

/** The address under which others may try an agent: the first public one of its card, else the one
 * where it was seen, else the first of its card. */
export function addressOf({ card, seen }: Agent): HostPort | undefined {
  const own = (card?.body.addresses ?? []).flatMap((text) => parseAddress(text) ?? []);
  return own.find(({ host }) => isPublicAddress(host)) ?? seen ?? own[0];
}

/** The failure domain of a place: the /24 of an IPv4 address, the /48 of an IPv6 one. */
export function networkOf({ host }: HostPort): string {
  if (host.includes(":")) return host.toLowerCase().split(":").slice(0, 3).join(":");
  return /^[0-9.]+$/.test(host) ? host.split(".").slice(0, 3).join(".") : host;
}
