import type { PeerId } from "../../base/id.ts";
import type { Clock } from "../../ports/clock.ts";
import { ByteBucket } from "./bucket.ts";
import { RelayError } from "./error.ts";
import type { RelayLimits } from "./limits.ts";

/** Room for one stream, held from the wish for it to its end. */
export interface Seat {
  /** Both peers pay for every byte.
   * @returns how many milliseconds to wait before the next bytes; 0: none */
  spend(lengthBytes: number): number;
  /** Gives the room back; again does nothing. */
  leave(): void;
}

interface Account {
  streamCount: number;
  readonly bucket: ByteBucket;
}

/** Who has how many streams on a relay, and at what rate. */
export class Seats {
  readonly #limits: RelayLimits;
  readonly #clock: Clock;
  readonly #peers = new Map<PeerId, Account>();
  readonly #pairs = new Map<string, number>();
  #streamCount = 0;

  constructor(limits: RelayLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Streams that have a seat. */
  get streamCount(): number {
    return this.#streamCount;
  }

  /** @throws RelayError RELAY_FULL */
  take(dialler: PeerId, target: PeerId): Seat {
    const { streamsMax, streamsPerPeerMax, streamsPerPairMax } = this.#limits;
    const pair = [dialler, target].toSorted().join(" ");
    const pairCount = this.#pairs.get(pair) ?? 0;
    const ends = [dialler, target].map((peer) => [peer, this.#accountOf(peer)] as const);
    if (this.#streamCount >= streamsMax) throw full("this relay", streamsMax);
    if (pairCount >= streamsPerPairMax) throw full("this pair of peers", streamsPerPairMax);
    for (const [peer, { streamCount }] of ends) {
      if (streamCount >= streamsPerPeerMax) throw full(`peer ${peer}`, streamsPerPeerMax);
    }
    this.#streamCount++;
    this.#pairs.set(pair, pairCount + 1);
    for (const [peer, account] of ends) {
      account.streamCount++;
      this.#peers.set(peer, account);
    }
    let isHeld = true;
    return {
      spend: (lengthBytes) => Math.max(...ends.map(([, { bucket }]) => bucket.spend(lengthBytes))),
      leave: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#streamCount--;
        const left = (this.#pairs.get(pair) ?? 1) - 1;
        if (left === 0) this.#pairs.delete(pair);
        else this.#pairs.set(pair, left);
        for (const [peer, account] of ends) {
          if (--account.streamCount === 0) this.#peers.delete(peer);
        }
      },
    };
  }

  #accountOf(peer: PeerId): Account {
    const bucket = (): ByteBucket =>
      new ByteBucket(this.#limits.bytesPerSecondPerPeer, this.#clock);
    return this.#peers.get(peer) ?? { streamCount: 0, bucket: bucket() };
  }
}

function full(what: string, streamsMax: number): RelayError {
  return new RelayError("RELAY_FULL", `${what} has all ${streamsMax} streams in use`, {
    hint: "another relay may have room",
  });
}
