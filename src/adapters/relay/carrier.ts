import type { Duplex } from "node:stream";
import { messageOf } from "../../base/error.ts";
import type { PeerId } from "../../base/id.ts";
import type { Carrier } from "../net/carrier.ts";
import { NetError } from "../net-error.ts";
import { RELAY_DIAL_MS, RELAY_GOOD_MAX, RELAY_TRIES } from "./limits.ts";
import { leadPath } from "./paths.ts";
import { rankRelays } from "./rank.ts";
import { RelayWaiting, type WaitingOptions } from "./waiting.ts";

/** What the relayed carrier needs. */
export interface RelayCarrierOptions extends WaitingOptions {
  /** Knocks and finishes the handshake on a connection that leads to `peer`, or destroys it. */
  secure: (raw: Duplex, peer: PeerId, signal: AbortSignal) => Promise<Duplex>;
}

/** Sessions over a relay that both ends reach by TCP. Inside, both do what they do on the direct
 * carrier, so the relay sees a knock and TLS records.
 * @see docs/protocol.md */
export class RelayCarrier implements Carrier {
  readonly kind = "relayed";
  readonly #options: RelayCarrierOptions;
  readonly #waiting: RelayWaiting;
  readonly #good = new Map<PeerId, PeerId>();
  readonly #over = new AbortController();

  constructor(options: RelayCarrierOptions) {
    this.#options = options;
    this.#waiting = new RelayWaiting(options);
  }

  /** Relays at which we wait to be reached. */
  get waitingAt(): readonly PeerId[] {
    return this.#waiting.relays;
  }

  mayReach(peer: PeerId): boolean {
    return this.#candidates(peer).length > 0;
  }

  /** Asks relays one after the other: the one that led to `peer` last, then those at which `peer`
   * most likely waits. */
  async dial(peer: PeerId, signal: AbortSignal): Promise<Duplex> {
    const last = this.#good.get(peer);
    const ranked = rankRelays(this.#candidates(peer), peer);
    const order = [...ranked.filter((relay) => relay === last), ...ranked];
    const relays = [...new Set(order)].slice(0, RELAY_TRIES);
    const failures: unknown[] = [];
    for (const relay of relays) {
      const stop = AbortSignal.any([signal, this.#over.signal, AbortSignal.timeout(RELAY_DIAL_MS)]);
      try {
        const socket = await this.#dialOver(relay, peer, stop);
        this.#remember(peer, relay);
        return socket;
      } catch (error) {
        signal.throwIfAborted();
        failures.push(error);
      }
    }
    this.#good.delete(peer);
    throw whyNot(peer, failures);
  }

  /** Waits at relays to be reached, until `wait(false)`. Sessions come out where `accept` puts
   * them, so that one place counts and proves all of them. */
  async listen(): Promise<void> {
    this.wait(true);
  }

  /** Whether to wait at relays: a peer that others reach directly need not. */
  wait(isNeeded: boolean): void {
    if (isNeeded && !this.#over.signal.aborted) this.#waiting.start();
    else this.#waiting.stop();
  }

  async close(): Promise<void> {
    this.#over.abort();
    this.#waiting.stop();
  }

  #candidates(peer: PeerId): PeerId[] {
    const { self, relays } = this.#options;
    return relays().filter((relay) => relay !== peer && relay !== self);
  }

  async #dialOver(relay: PeerId, peer: PeerId, stop: AbortSignal): Promise<Duplex> {
    const { upgrader, secure } = this.#options;
    const raw = await upgrader.open(relay, leadPath(peer), stop);
    try {
      return await secure(raw, peer, stop);
    } catch (error) {
      raw.destroy();
      throw error;
    }
  }

  #remember(peer: PeerId, relay: PeerId): void {
    this.#good.delete(peer);
    this.#good.set(peer, relay);
    if (this.#good.size <= RELAY_GOOD_MAX) return;
    for (const oldest of this.#good.keys()) {
      this.#good.delete(oldest);
      return;
    }
  }
}

function whyNot(peer: PeerId, failures: readonly unknown[]): NetError {
  // Where somebody else answered, that says more than where nobody did.
  const impostor = failures.find(
    (failure) => failure instanceof NetError && failure.code === "PEER_IMPOSTOR",
  );
  if (impostor instanceof NetError) return impostor;
  const [first] = failures;
  const why = first === undefined ? "no relay is known" : messageOf(first);
  return new NetError("PEER_UNREACHABLE", `peer ${peer}: ${why}`, {
    cause: first,
    hint: "it must be running, and wait at a relay that this peer knows",
  });
}
