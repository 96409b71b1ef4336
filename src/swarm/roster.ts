import type { PeerId } from "../base/id.ts";
import { PEERS_MAX } from "../base/limits.ts";
import type { Clock } from "../ports/clock.ts";

/** A peer that failed is left alone for so long, doubled with every further failure. */
const BACK_OFF_MS = 250;
const BACK_OFF_MAX_MS = 30_000;
/** And for so many times what finding out took. */
const BACK_OFF_SHARE = 4;
/** Share of the newest measurement in an estimate. */
const WEIGHT = 0.2;

/** How a peer did lately. */
export interface PeerEstimate {
  /** From sending a small request to its answer. */
  latencyMs: number | undefined;
  bytesPerMs: number | undefined;
  /** Failures since the last success. */
  failureCount: number;
}

interface Entry extends PeerEstimate {
  /** Monotonic times; undefined: never. */
  succeededMs: number | undefined;
  retryMs: number;
}

/** Who answered lately and how fast. Nothing here is a judgement of a peer's honesty. */
export class Roster {
  readonly #clock: Clock;
  /** The longest untouched first. */
  readonly #entries = new Map<PeerId, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A whole exchange went well. `bytes` is what moved, both ways. */
  succeeded(peer: PeerId, durationMs: number, bytes: number): void {
    const entry = this.#touch(peer);
    entry.succeededMs = this.#clock.monotonicMs();
    entry.failureCount = 0;
    entry.retryMs = 0;
    if (bytes < 16_384) entry.latencyMs = blend(entry.latencyMs, durationMs);
    else entry.bytesPerMs = blend(entry.bytesPerMs, bytes / Math.max(0.1, durationMs));
  }

  /** The peer could not be talked to. `durationMs` is what finding out took: the longer, the longer
   * the peer is left alone, so that one that is gone costs a small share of the time. */
  failed(peer: PeerId, durationMs = 0): void {
    const entry = this.#touch(peer);
    const doubledMs = BACK_OFF_MS * 2 ** Math.min(entry.failureCount, 20);
    const waitMs = Math.min(BACK_OFF_MAX_MS, Math.max(doubledMs, BACK_OFF_SHARE * durationMs));
    entry.failureCount++;
    entry.retryMs = this.#clock.monotonicMs() + waitMs;
  }

  /** Whether it answered within the last `withinMs`, and has not failed since. */
  answered(peer: PeerId, withinMs: number): boolean {
    const entry = this.#entries.get(peer);
    if (entry?.succeededMs === undefined || entry.failureCount > 0) return false;
    return this.#clock.monotonicMs() - entry.succeededMs <= withinMs;
  }

  /** Whether it failed when it was last asked. */
  isFailing(peer: PeerId): boolean {
    return (this.#entries.get(peer)?.failureCount ?? 0) > 0;
  }

  /** Whether it failed so lately that asking again is not worth the wait. */
  backsOff(peer: PeerId): boolean {
    return this.#clock.monotonicMs() < (this.#entries.get(peer)?.retryMs ?? 0);
  }

  /** What is known of a peer's speed; undefined where nothing is. */
  estimate(peer: PeerId): PeerEstimate | undefined {
    const entry = this.#entries.get(peer);
    if (entry === undefined) return undefined;
    const { latencyMs, bytesPerMs, failureCount } = entry;
    return { latencyMs, bytesPerMs, failureCount };
  }

  #touch(peer: PeerId): Entry {
    const entry = this.#entries.get(peer) ?? {
      latencyMs: undefined,
      bytesPerMs: undefined,
      failureCount: 0,
      succeededMs: undefined,
      retryMs: 0,
    };
    this.#entries.delete(peer);
    this.#entries.set(peer, entry);
    if (this.#entries.size > PEERS_MAX) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    return entry;
  }
}

function blend(old: number | undefined, measured: number): number {
  return old === undefined ? measured : old * (1 - WEIGHT) + measured * WEIGHT;
}
