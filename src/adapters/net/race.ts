import type { Duplex } from "node:stream";
import { codeOf } from "../../base/error.ts";
import type { PeerId } from "../../base/id.ts";
import type { CarrierKind } from "../../ports/net.ts";
import { NetError } from "../net-error.ts";
import type { Carrier } from "./carrier.ts";
import type { SessionBounds, SessionTimes } from "./options.ts";

/** A session that a carrier opened. */
export interface Opened {
  socket: Duplex;
  carrier: CarrierKind;
}

/** Opens sessions to peers over whichever carrier gets there. */
export interface Dialler {
  /** Resolves with the first session. Better carriers that were under way go on: `onBetter` gets
   * what they open later.
   * @param atWorst nothing worse is tried: there are sessions of this kind already
   * @throws NetError PEER_UNKNOWN | PEER_UNREACHABLE | PEER_IMPOSTOR | PEER_TIMEOUT */
  dial(
    peer: PeerId,
    atWorst: CarrierKind,
    onBetter: (opened: Opened) => void,
    signal: AbortSignal,
  ): Promise<Opened>;
  /** Tries the carriers that are better than `than`, one after the other.
   * @returns undefined where none got there */
  dialBetter(peer: PeerId, than: CarrierKind, signal: AbortSignal): Promise<Opened | undefined>;
}

const RANKS: Readonly<Record<CarrierKind, number>> = { direct: 0, punched: 1, relayed: 2 };

/** The better of two kinds has the lower rank. */
export function rankOf(kind: CarrierKind): number {
  return RANKS[kind];
}

/** Makes a dialler that races `carriers`, which stand in the order of preference. */
export function createRace(
  carriers: readonly Carrier[],
  times: SessionTimes,
  bounds: SessionBounds,
): Dialler {
  /** The carrier that got there last time, the longest untouched first. */
  const lastGood = new Map<PeerId, CarrierKind>();
  const remember = (peer: PeerId, kind: CarrierKind): void => {
    lastGood.delete(peer);
    lastGood.set(peer, kind);
    if (lastGood.size <= bounds.rememberedMax) return;
    const [oldest] = lastGood.keys();
    if (oldest !== undefined) lastGood.delete(oldest);
  };
  return {
    async dial(peer, atWorst, onBetter, signal) {
      const usable = carriers.filter(
        (carrier) => rankOf(carrier.kind) <= rankOf(atWorst) && carrier.mayReach(peer),
      );
      if (usable.length === 0) {
        throw new NetError("PEER_UNKNOWN", `peer ${peer}: no way to it is known`, {
          hint: "add its address to the peer list, or see `holdfast doctor`",
        });
      }
      const race = new Race(usable, peer, times, lastGood.get(peer));
      const onLater = (opened: Opened): void => {
        remember(peer, opened.carrier);
        onBetter(opened);
      };
      const opened = await race.run(onLater, signal);
      remember(peer, opened.carrier);
      return opened;
    },
    async dialBetter(peer, than, signal) {
      const better = carriers.filter(
        (carrier) => rankOf(carrier.kind) < rankOf(than) && carrier.mayReach(peer),
      );
      for (const carrier of better) {
        try {
          const opened = { socket: await carrier.dial(peer, signal), carrier: carrier.kind };
          remember(peer, carrier.kind);
          return opened;
        } catch {
          signal.throwIfAborted();
        }
      }
      return undefined;
    },
  };
}

/** One dial over several carriers. */
class Race {
  readonly #carriers: readonly Carrier[];
  readonly #peer: PeerId;
  readonly #times: SessionTimes;
  readonly #lastGood: CarrierKind | undefined;
  readonly #stops = new Map<Carrier, AbortController>();
  readonly #errors: unknown[] = [];
  /** Rank of the best session so far. */
  #wonRank = Infinity;

  constructor(
    carriers: readonly Carrier[],
    peer: PeerId,
    times: SessionTimes,
    lastGood: CarrierKind | undefined,
  ) {
    this.#carriers = carriers;
    this.#peer = peer;
    this.#times = times;
    this.#lastGood = lastGood;
  }

  run(onBetter: (opened: Opened) => void, signal: AbortSignal): Promise<Opened> {
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const waiting = [...this.#carriers];
      const timers: NodeJS.Timeout[] = [];
      const settle = (): void => {
        isSettled = true;
        signal.removeEventListener("abort", onAbort);
        for (const timer of timers) clearTimeout(timer);
      };
      const giveUp = (error: Error): void => {
        if (isSettled) return;
        settle();
        for (const stop of this.#stops.values()) stop.abort();
        reject(error);
      };
      const onAbort = (): void => giveUp(signal.reason as Error);
      const begin = (carrier: Carrier): void => {
        const at = waiting.indexOf(carrier);
        if (at < 0 || isSettled) return;
        waiting.splice(at, 1);
        const stop = new AbortController();
        this.#stops.set(carrier, stop);
        carrier.dial(this.#peer, stop.signal).then(
          (socket) => {
            this.#stops.delete(carrier);
            const opened = { socket, carrier: carrier.kind };
            if (!this.#wins(opened)) return;
            if (isSettled) return onBetter(opened);
            settle();
            resolve(opened);
          },
          (error: unknown) => {
            this.#stops.delete(carrier);
            this.#errors.push(error);
            // Whoever fails does not keep the next one waiting.
            const following = waiting[0];
            if (following !== undefined) begin(following);
            else if (this.#stops.size === 0) giveUp(this.#whyNot());
          },
        );
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      for (const carrier of this.#carriers) {
        const afterMs = this.#delayOf(carrier);
        if (afterMs > 0) timers.push(setTimeout(begin, afterMs, carrier).unref());
      }
      timers.push(setTimeout(() => giveUp(this.#tooLate()), this.#times.dialMs).unref());
      for (const carrier of this.#carriers) if (this.#delayOf(carrier) === 0) begin(carrier);
    });
  }

  /** Takes a session in, or closes it where a better or equal one is there; those that are worse
   * than it are given up. */
  #wins({ socket, carrier }: Opened): boolean {
    const rank = rankOf(carrier);
    if (rank >= this.#wonRank) {
      socket.destroy();
      return false;
    }
    this.#wonRank = rank;
    for (const [other, stop] of this.#stops) if (rankOf(other.kind) >= rank) stop.abort();
    return true;
  }

  /** The best carrier that can work at all begins at once, beside the one that worked last time. */
  #delayOf(carrier: Carrier): number {
    const good = this.#carriers.find(({ kind }) => kind === this.#lastGood);
    if (carrier === this.#carriers[0] || carrier === good) return 0;
    if (carrier.kind !== "relayed") return this.#times.punchAfterMs;
    const isFirst = carrier === this.#carriers.find(({ kind }) => kind === "relayed");
    return isFirst ? this.#times.relayAfterMs : 2 * this.#times.relayAfterMs;
  }

  #tooLate(): NetError {
    const { dialMs } = this.#times;
    return new NetError("PEER_TIMEOUT", `peer ${this.#peer}: no session within ${dialMs} ms`);
  }

  /** The failure that says most: an impostor more than silence, silence more than no way. */
  #whyNot(): Error {
    const order = ["PEER_IMPOSTOR", "PEER_TIMEOUT", "PEER_UNREACHABLE"];
    for (const code of order) {
      const found = this.#errors.find((error) => codeOf(error) === code);
      if (found instanceof Error) return found;
    }
    const [first] = this.#errors;
    return first instanceof Error ? first : this.#tooLate();
  }
}
