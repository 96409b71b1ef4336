import { idOf } from "../../base/id.ts";
import { CARD_ADDRESSES_MAX } from "../../base/limits.ts";
import type { SigningKey } from "../../crypto/sign.node.ts";
import type { Clock } from "../../ports/clock.ts";
import type { PeerRole } from "../../ports/directory.ts";
import { signCard } from "../../swarm/card-book.ts";

/** Where an address of ours comes from, the most certain first: set by hand, one of this machine's
 * own, opened in the router, or one at which another peer has reached us. */
const SOURCES = ["configured", "own", "mapped", "reached"] as const;
export type AddressSource = (typeof SOURCES)[number];

/** What of us others can reach from everywhere. */
interface Outside {
  /** `host:port`, TCP. */
  addresses: readonly string[];
  /** `host:port`, UDP: DHT nodes. */
  bootstrap: readonly string[];
}

export interface OwnCardOptions {
  key: SigningKey;
  clock: Clock;
  site: string | undefined;
  offeredBytes: () => number;
  /** Addresses within this network, `host:port`. */
  near: () => readonly string[];
  /** What this peer does for others while it can be reached from outside. */
  roles: readonly PeerRole[];
}

const PROTOCOL = 1;

/** What this peer says of itself. It changes as more is learned of where it can be reached. */
export class OwnCard {
  readonly #options: OwnCardOptions;
  readonly #outside = new Map<AddressSource, Outside>();
  readonly #listeners: (() => void)[] = [];
  #signed: Uint8Array | undefined;
  #timeMs = 0;

  constructor(options: OwnCardOptions) {
    this.#options = options;
  }

  /** Whether this peer can be reached from outside of its network, as far as is known. */
  get isPublic(): boolean {
    return this.publicAddresses.length > 0;
  }

  /** `host:port`, the most certain first. */
  get publicAddresses(): string[] {
    const known = SOURCES.flatMap((source) => this.#outside.get(source)?.addresses ?? []);
    return [...new Set(known)];
  }

  /** `host:port` (UDP) of the DHT nodes that we run for others. */
  get bootstrap(): string[] {
    const known = SOURCES.flatMap((source) => this.#outside.get(source)?.bootstrap ?? []);
    return [...new Set(known)].slice(0, CARD_ADDRESSES_MAX);
  }

  /** Says what one source knows now; no addresses where it knows of none any more. */
  learn(source: AddressSource, addresses: readonly string[], bootstrap: readonly string[]): void {
    const before = JSON.stringify(this.#outside.get(source) ?? { addresses: [], bootstrap: [] });
    const now = { addresses, bootstrap };
    if (JSON.stringify(now) === before) return;
    this.#outside.set(source, now);
    this.refresh();
  }

  /** Signs a card anew, and tells whoever wants to know. */
  refresh(): void {
    this.#signed = undefined;
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` after every change. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** The signed card. */
  signed(): Uint8Array {
    return (this.#signed ??= this.#sign());
  }

  #sign(): Uint8Array {
    const { key, clock, site, offeredBytes, near, roles } = this.#options;
    // Of two cards the later one counts: two of one millisecond would not replace each other.
    this.#timeMs = Math.max(Math.trunc(clock.nowMs()), this.#timeMs + 1);
    const addresses = [...new Set([...this.publicAddresses, ...near()])];
    return signCard(key, {
      id: idOf(key.publicKey),
      addresses: addresses.slice(0, CARD_ADDRESSES_MAX),
      offeredBytes: offeredBytes(),
      ...(site === undefined ? {} : { site }),
      protocol: PROTOCOL,
      timeMs: this.#timeMs,
      bootstrap: this.bootstrap,
      roles: this.isPublic ? roles : [],
    });
  }
}
