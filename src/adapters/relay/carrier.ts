import type { Duplex } from "node:stream";
import { codeOf, messageOf } from "../../base/error.ts";
import type { PeerId } from "../../base/id.ts";
import type { Carrier } from "../net/carrier.ts";
import { NetError } from "../net-error.ts";
import {
  RELAY_CANDIDATES_MAX,
  RELAY_DIAL_MS,
  RELAY_GOOD_MAX,
  RELAY_SHUN_MS,
  RELAY_TRIES,
} from "./limits.ts";
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
  /** The relay that led to a peer last time. */
  readonly #good = new Map<PeerId, PeerId>();
  /** Relays that could not be reached, and until when they are asked last. */
  readonly #shunned = new Map<PeerId, number>();
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
   * most likely waits, and last those that could not be reached just now. */
  async dial(peer: PeerId, signal: AbortSignal): Promise<Duplex> {
    const relays = this.#inOrder(peer).slice(0, RELAY_TRIES);
    const failures: unknown[] = [];
    for (const relay of relays) {
      try {
        const socket = await this.#dialOver(relay, peer, signal);
        setBounded(this.#good, peer, relay, RELAY_GOOD_MAX);
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

  #inOrder(peer: PeerId): PeerId[] {
    const last = this.#good.get(peer);
    const nowMs = this.#options.clock.monotonicMs();
    const cost = (relay: PeerId): number => {
      if ((this.#shunned.get(relay) ?? 0) > nowMs) return 2;
      return relay === last ? 0 : 1;
    };
    return rankRelays(this.#candidates(peer), peer).toSorted((a, b) => cost(a) - cost(b));
  }

  async #dialOver(relay: PeerId, peer: PeerId, signal: AbortSignal): Promise<Duplex> {
    const { upgrader, secure } = this.#options;
    const stop = AbortSignal.any([signal, this.#over.signal, AbortSignal.timeout(RELAY_DIAL_MS)]);
    const raw = await upgrader.open(relay, leadPath(peer), stop).catch((error: unknown) => {
      // One that answers is not to blame for the home's being away, nor for our change of mind.
      if (codeOf(error) !== "PEER_REFUSED" && !signal.aborted) this.#shun(relay);
      throw error;
    });
    try {
      return await secure(raw, peer, stop);
    } catch (error) {
      raw.destroy();
      throw error;
    }
  }

  #shun(relay: PeerId): void {
    const untilMs = this.#options.clock.monotonicMs() + RELAY_SHUN_MS;
    setBounded(this.#shunned, relay, untilMs, RELAY_CANDIDATES_MAX);
  }
}

/** Sets a key as the newest; the oldest gives way. */
function setBounded<Value>(
  map: Map<PeerId, Value>,
  key: PeerId,
  value: Value,
  entriesMax: number,
): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > entriesMax && oldest !== undefined) map.delete(oldest);
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
