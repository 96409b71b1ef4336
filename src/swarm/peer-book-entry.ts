import { parseAddress } from "../base/address.ts";
import type { PeerId } from "../base/id.ts";
import { CARD_ADDRESSES_MAX, PEER_HINTS_MAX, PEER_HINTS_PER_SOURCE_MAX } from "../base/limits.ts";
import type { CardBody } from "../codec/card.ts";
import type { PeerCard } from "../ports/directory.ts";
import type { HintSource } from "./peer-hint.ts";

/** So long after it was heard, an address of the local network goes before others: later this
 * machine may be in another network. */
const LAN_FRESH_MS = 2 * 3_600_000;

/** Addresses at which the peer answered that nothing displaces. */
const PROVEN_HINTS_MAX = 3;

interface AddressHint {
  source: HintSource;
  timeMs: number;
  /** Whether the peer was met there; such a hint is not dropped when it fails. */
  hasAnswered: boolean;
}

/** How well a peer is known; a better known one is never displaced by a lesser. */
export const RANK = { named: 0, answered: 1, byHand: 2 } as const;

/** All that is known of one peer. */
export class PeerEntry {
  readonly id: PeerId;
  /** Who named it first: whose share it fills until it answers. */
  readonly source: HintSource;
  readonly addedMs: number;
  /** What the user wrote. */
  byHand: PeerCard | undefined;
  /** The latest signed card, with its bytes. */
  signed: { bytes: Uint8Array; body: CardBody } | undefined;
  /** Wall-clock time of its last answer. */
  answeredMs: number | undefined;
  /** Wall-clock time at which it came to us over a session, which proved its key. */
  metMs: number | undefined;
  /** Failures since its last answer. */
  failureCount = 0;
  readonly #hints = new Map<string, AddressHint>();

  constructor(id: PeerId, source: HintSource, nowMs: number) {
    this.id = id;
    this.source = source;
    this.addedMs = nowMs;
  }

  get rank(): number {
    if (this.byHand !== undefined) return RANK.byHand;
    return this.answeredMs === undefined ? RANK.named : RANK.answered;
  }

  /** Whether anything but somebody's word says that this peer exists. */
  get isEvident(): boolean {
    return this.rank > RANK.named || this.signed !== undefined;
  }

  /** Takes an address in; the newest hints win, but none displaces one that has answered.
   * @returns whether it is a new one */
  addHint(address: string, source: HintSource, nowMs: number): boolean {
    if (parseAddress(address) === undefined) return false;
    const known = this.#hints.get(address);
    if (known !== undefined) {
      if (source === "lan" || known.source === source) {
        this.#hints.set(address, { ...known, source, timeMs: nowMs });
      }
      return false;
    }
    const own = [...this.#hints].filter(([, hint]) => hint.source === source);
    const crowd = own.length >= PEER_HINTS_PER_SOURCE_MAX ? own : [...this.#hints];
    if (own.length >= PEER_HINTS_PER_SOURCE_MAX || this.#hints.size >= PEER_HINTS_MAX) {
      const victims = crowd.filter(([, hint]) => !hint.hasAnswered);
      victims.sort(([, a], [, b]) => a.timeMs - b.timeMs);
      const [victim] = victims;
      if (victim === undefined) return false;
      this.#hints.delete(victim[0]);
    }
    this.#hints.set(address, { source, timeMs: nowMs, hasAnswered: false });
    return true;
  }

  /** The peer answered, at `address` where that is known.
   * @returns whether the address is news */
  hintAnswered(address: string, nowMs: number): boolean {
    const hint = this.#hints.get(address);
    if (hint === undefined || hint.hasAnswered) return false;
    this.#hints.set(address, { ...hint, timeMs: nowMs, hasAnswered: true });
    // A peer that moves often must not fill the list with its past.
    const proven = [...this.#hints.values()].filter((each) => each.hasAnswered);
    const [oldest] = proven.sort((a, b) => a.timeMs - b.timeMs);
    if (oldest !== undefined && proven.length > PROVEN_HINTS_MAX) oldest.hasAnswered = false;
    return true;
  }

  /** Nobody, or somebody else, is at `address`: what was only a rumour is forgotten. */
  hintFailed(address: string): void {
    if (this.#hints.get(address)?.hasAnswered === false) this.#hints.delete(address);
  }

  /** Where, of what nobody signed, the peer answered last. */
  get provenAt(): string | undefined {
    const proven = [...this.#hints].filter(([, hint]) => hint.hasAnswered);
    return proven.sort(([, a], [, b]) => b.timeMs - a.timeMs)[0]?.[0];
  }

  /** Hints worth keeping on disk: without those of a local network, which are heard anew. */
  hintsToKeep(): string[] {
    return [...this.#hints].flatMap(([address, { source }]) => (source === "lan" ? [] : [address]));
  }

  /** Where to dial, the likeliest first, at most CARD_ADDRESSES_MAX. */
  addresses(nowMs: number): string[] {
    const hints = [...this.#hints];
    const named = (isWanted: (hint: AddressHint) => boolean): string[] =>
      hints.flatMap(([address, hint]) => (isWanted(hint) ? [address] : []));
    const isNear = ({ source, timeMs }: AddressHint): boolean =>
      source === "lan" && nowMs - timeMs <= LAN_FRESH_MS;
    const all = new Set([
      ...(this.byHand?.addresses ?? []),
      ...named(isNear),
      ...named(({ hasAnswered }) => hasAnswered),
      ...(this.signed?.body.addresses ?? []),
      ...named(() => true),
    ]);
    return [...all].slice(0, CARD_ADDRESSES_MAX);
  }

  /** What others are told of it. What it signed goes before what the user wrote, but for the
   * site: that one judges who shares a house. */
  card(nowMs: number): PeerCard {
    const { byHand, signed } = this;
    const site = byHand?.site ?? signed?.body.site;
    return {
      id: this.id,
      addresses: this.addresses(nowMs),
      offeredBytes: signed?.body.offeredBytes ?? byHand?.offeredBytes ?? 0,
      ...(site === undefined ? {} : { site }),
      ...(signed?.body.bootstrap === undefined ? {} : { bootstrap: signed.body.bootstrap }),
      ...(signed?.body.roles === undefined ? {} : { roles: signed.body.roles }),
    };
  }
}
