import { codeOf } from "../../base/error.ts";
import type { PeerId, ShardId } from "../../base/id.ts";
import type { Clock } from "../../ports/clock.ts";
import type { PeerClient } from "../../swarm/client.ts";
import { SwarmError } from "../../swarm/error.ts";

/** What reading needs of the peer protocol's client. When a promise rejects, `into` is not written
 * any more. */
export type ShardClient = Pick<PeerClient, "readShard" | "readRange" | "reserve" | "storeShard">;

/** What a living holder is found to do whose shard is not what it should be. */
const BAD_CODES: readonly (string | undefined)[] = [
  "SHARD_FORGED",
  "SHARD_NOT_HELD",
  "ANSWER_MALFORMED",
  "PEER_BROKE_PROTOCOL",
];

/** Whether an error means a bad shard at a living holder. */
export function isBadShard(error: unknown): boolean {
  if (error instanceof SwarmError && error.refusal === "SHARD_CORRUPT") return true;
  return BAD_CODES.includes(codeOf(error));
}

const PEERS_MAX = 4096;
/** For so long after a holder returned a bad shard its other shards are looked at too. */
const BAD_MS = 10 * 60_000;
const BACK_OFF_FIRST_MS = 1000;
const BACK_OFF_MAX_MS = 60_000;
/** A transfer's fixed cost, counted as if it were bytes. */
const OVERHEAD_BYTES = 256 * 1024;
const SMOOTHING = 0.2;

/** Reads a shard, and asks again where a holder broke off: one that finds its copy broken in the
 * middle of sending can do nothing else. Asked again it says so; one that is dead refuses at once.
 * @param onBreak called before it is asked again */
export async function readShardFrom(
  client: ShardClient,
  memory: HolderMemory,
  shard: { peer: PeerId; id: ShardId; into: Uint8Array },
  signal: AbortSignal,
  onBreak?: () => void,
): Promise<void> {
  const { peer, id, into } = shard;
  try {
    await client.readShard(peer, id, into, signal);
  } catch (error) {
    const mayLive = codeOf(error) === "PEER_UNREACHABLE" && !memory.isGone(peer);
    if (!mayLive || signal.aborted) throw error;
    onBreak?.();
    await client.readShard(peer, id, into, signal);
  }
}

interface Failures {
  count: number;
  untilMs: number;
  /** It could not be reached, the last time. */
  isGone: boolean;
}

/** Which holders failed or were slow a short while ago, and how long a shard usually takes: so that
 * dead peers cost one time-out each and not one per stripe. Shared by all reading of a volume. */
export class HolderMemory {
  readonly #clock: Clock;
  readonly #failures = new Map<PeerId, Failures>();
  readonly #badUntilMs = new Map<PeerId, number>();
  #msPerByte: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a holder is asked only when there is nobody else. */
  isSuspect(peer: PeerId): boolean {
    return (this.#failures.get(peer)?.untilMs ?? 0) > this.#clock.monotonicMs();
  }

  /** Whether a holder could not be reached a short while ago. */
  isGone(peer: PeerId): boolean {
    return this.isSuspect(peer) && this.#failures.get(peer)?.isGone === true;
  }

  /** A holder could not be reached. */
  noteGone(peer: PeerId): void {
    this.#note(peer, true);
  }

  /** A holder let wait for so long that another one was asked. */
  noteSlow(peer: PeerId): void {
    this.#note(peer, false);
  }

  /** A living holder had a shard that is not what it should be. */
  noteBad(peer: PeerId): void {
    if (this.#badUntilMs.size >= PEERS_MAX) this.#badUntilMs.clear();
    this.#badUntilMs.set(peer, this.#clock.monotonicMs() + BAD_MS);
  }

  /** Whether a holder had a bad shard lately: where there is one there are often more. */
  wasBad(peer: PeerId): boolean {
    return (this.#badUntilMs.get(peer) ?? 0) > this.#clock.monotonicMs();
  }

  /** A holder sent `lengthBytes` in `durationMs`. */
  noteSuccess(peer: PeerId, lengthBytes: number, durationMs: number): void {
    this.#failures.delete(peer);
    const now = durationMs / (lengthBytes + OVERHEAD_BYTES);
    const before = this.#msPerByte ?? now;
    this.#msPerByte = before + SMOOTHING * (now - before);
  }

  /** How long `lengthBytes` usually take, or undefined where nothing was read yet. */
  typicalMs(lengthBytes: number): number | undefined {
    return this.#msPerByte === undefined
      ? undefined
      : this.#msPerByte * (lengthBytes + OVERHEAD_BYTES);
  }

  #note(peer: PeerId, isGone: boolean): void {
    const count = (this.#failures.get(peer)?.count ?? 0) + 1;
    if (this.#failures.size >= PEERS_MAX) this.#failures.clear();
    const backOffMs = Math.min(BACK_OFF_FIRST_MS * 2 ** Math.min(count, 10), BACK_OFF_MAX_MS);
    this.#failures.set(peer, { count, untilMs: this.#clock.monotonicMs() + backOffMs, isGone });
  }
}
