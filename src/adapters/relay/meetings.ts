import type { Duplex } from "node:stream";
import type { PeerId } from "../../base/id.ts";
import type { Clock } from "../../ports/clock.ts";
import { RelayError } from "./error.ts";

/** Joins a dialler's socket to the home's.
 * @returns the home's socket, or undefined where one of the two is gone; both are destroyed then */
export type Handover = (dialler: Duplex) => Duplex | undefined;

interface Meeting {
  readonly target: PeerId;
  readonly come: (leg: Duplex) => void;
}

/** Diallers that wait for a home to fetch them. Bounded by the seats that they hold. */
export class Meetings {
  readonly #clock: Clock;
  readonly #takeMs: number;
  readonly #open = new Map<string, Meeting>();
  readonly #over = new AbortController();

  constructor(clock: Clock, takeMs: number) {
    this.#clock = clock;
    this.#takeMs = takeMs;
  }

  /** Waits until `target` has come with the token.
   * @param onLost called where it came and the two were not joined after all
   * @throws RelayError RELAY_TARGET_AWAY after `takeMs` */
  async arrange(token: string, target: PeerId, onLost: () => void): Promise<Handover> {
    const arrived = Promise.withResolvers<Duplex>();
    const settled = new AbortController();
    const signal = AbortSignal.any([this.#over.signal, settled.signal]);
    let isLate = false;
    const come = (leg: Duplex): void => {
      if (isLate) leg.destroy();
      else arrived.resolve(leg);
    };
    this.#open.set(token, { target, come });
    this.#clock.sleep(this.#takeMs, signal).then(
      () => arrived.reject(away(target)),
      () => arrived.reject(away(target)),
    );
    try {
      const leg = await arrived.promise;
      return this.#handover(leg, onLost);
    } finally {
      isLate = true;
      settled.abort();
      this.#open.delete(token);
    }
  }

  /** Takes a token in; it counts once, and only for the peer that it was sent to.
   * @throws RelayError RELAY_TOKEN_INVALID */
  take(token: string, peer: PeerId): (leg: Duplex) => void {
    const meeting = this.#open.get(token);
    if (meeting?.target !== peer) {
      throw new RelayError("RELAY_TOKEN_INVALID", "this token is wrong, used or too old");
    }
    this.#open.delete(token);
    return meeting.come;
  }

  close(): void {
    this.#over.abort();
  }

  /** The home's socket waits for its dialler as long as a dialler for its home. */
  #handover(leg: Duplex, onLost: () => void): Handover {
    const joined = new AbortController();
    const { signal } = joined;
    const lose = (): void => {
      if (signal.aborted) return;
      joined.abort();
      leg.destroy();
      onLost();
    };
    leg.on("error", lose);
    leg.once("close", lose);
    this.#clock.sleep(this.#takeMs, AbortSignal.any([this.#over.signal, signal])).then(lose, lose);
    return (dialler) => {
      if (dialler.destroyed) lose();
      if (signal.aborted) {
        dialler.destroy();
        return undefined;
      }
      joined.abort();
      return leg;
    };
  }
}

function away(target: PeerId): RelayError {
  return new RelayError("RELAY_TARGET_AWAY", `peer ${target} did not answer this relay`);
}
