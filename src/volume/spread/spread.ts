import { codeOf, messageOf } from "../../base/error.ts";
import type { PeerId, ShardId } from "../../base/id.ts";
import { shardBytesOf } from "../../codec/stripe.ts";
import type { StripeCode } from "../../object/stripe.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ShardWish, TicketGrant } from "../../ports/holder.ts";
import type { Log } from "../../ports/log.ts";

/** What spreading needs of the peer protocol. */
export interface ShardStoring {
  reserve(
    peer: PeerId,
    wishes: readonly ShardWish[],
    signal: AbortSignal,
  ): Promise<readonly TicketGrant[]>;
  storeShard(
    peer: PeerId,
    id: ShardId,
    ticket: Uint8Array,
    bytes: Uint8Array,
    signal: AbortSignal,
  ): Promise<unknown>;
}

/** Holders in the order in which a stripe should try them; it depends on the stripe's ids alone, so
 * that a put which is run again finds its shards where it left them. */
export type Ranking = (shards: readonly ShardId[]) => readonly PeerId[];

export interface SpreadParts {
  client: ShardStoring;
  clock: Clock;
  log: Log;
}

export interface SpreadRequest {
  packBytes: number;
  code: StripeCode;
  ids: readonly ShardId[];
  /** Bytes of shard `index`; they stay as they are until spreading ends. */
  bytesOf: (index: number) => Uint8Array;
  /** Who holds a shard already, by shard number. */
  held: readonly (PeerId | undefined)[];
  ranking: readonly PeerId[];
}

export interface SpreadResult {
  holders: (PeerId | undefined)[];
  sentBytes: number;
  /** Why peers were passed over, the last reason of each. */
  refusals: Map<PeerId, string>;
}

/** A shard is given to another holder when it takes this many times longer than the others did. */
const SLOW_FACTOR = 4;
const SLOW_FLOOR_MS = 10_000;

/** Places every shard of a stripe on a holder of its own; slow and failing holders are replaced
 * while there are others. Never throws for what holders do: a shard without holder is undefined.
 * @throws the signal's reason */
export async function spreadStripe(
  parts: SpreadParts,
  request: SpreadRequest,
  signal: AbortSignal,
): Promise<SpreadResult> {
  const spread = new Spread(parts, request);
  const missing = request.ids.map((_, index) => index).filter((index) => !request.held[index]);
  await Promise.all(missing.map((index) => spread.place(index, signal)));
  signal.throwIfAborted();
  return { holders: spread.holders, sentBytes: spread.sentBytes, refusals: spread.refusals };
}

class Spread {
  readonly holders: (PeerId | undefined)[];
  readonly refusals = new Map<PeerId, string>();
  sentBytes = 0;
  readonly #parts: SpreadParts;
  readonly #request: SpreadRequest;
  readonly #shardBytes: number;
  /** Holders nobody has tried for this stripe, best first. */
  readonly #fresh: PeerId[];
  readonly #slow: PeerId[] = [];
  readonly #broken: PeerId[] = [];
  readonly #durationsMs: number[] = [];

  constructor(parts: SpreadParts, request: SpreadRequest) {
    this.#parts = parts;
    this.#request = request;
    this.#shardBytes = shardBytesOf(request.packBytes, request.code.k);
    this.holders = request.ids.map((_, index) => request.held[index]);
    const taken = new Set(this.holders);
    this.#fresh = request.ranking.filter((peer) => !taken.has(peer));
  }

  /** Tries holders for one shard until one has it or none is left. */
  async place(index: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const peer = this.#fresh.shift();
      if (peer === undefined) break;
      if (await this.#store(index, peer, true, signal)) return;
      if (signal.aborted) return;
    }
    // Slow ones are better than none, and get the time that they need. So are those whose session
    // broke: perhaps it was a relay between us that went away, and there is another.
    const again = this.#slow.shift() ?? this.#broken.shift();
    if (again !== undefined && !signal.aborted) await this.#store(index, again, false, signal);
  }

  async #store(
    index: number,
    peer: PeerId,
    replaceable: boolean,
    signal: AbortSignal,
  ): Promise<boolean> {
    const started = this.#parts.clock.monotonicMs();
    const slowly = new AbortController();
    const done = new AbortController();
    if (replaceable) void this.#watch(started, slowly, done.signal);
    try {
      await this.#transfer(index, peer, AbortSignal.any([signal, slowly.signal]));
      this.holders[index] = peer;
      this.#durationsMs.push(this.#parts.clock.monotonicMs() - started);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (slowly.signal.aborted) this.#slow.push(peer);
      else if (replaceable && codeOf(error) === "PEER_UNREACHABLE") this.#broken.push(peer);
      this.refusals.set(peer, slowly.signal.aborted ? "too slow" : messageOf(error));
      this.#parts.log.write("info", "shard_not_placed", {
        peer,
        reason: slowly.signal.aborted ? "SLOW" : (codeOf(error) ?? "FAILED"),
      });
      return false;
    } finally {
      done.abort();
    }
  }

  async #transfer(index: number, peer: PeerId, signal: AbortSignal): Promise<void> {
    const id = this.#request.ids[index] ?? "";
    const lengthBytes = this.#shardBytes;
    const [grant] = await this.#parts.client.reserve(peer, [{ id, lengthBytes }], signal);
    if (grant === undefined || grant.outcome === "refused") {
      throw new Error(grant?.message ?? "no answer to the wish");
    }
    if (grant.outcome === "held") return;
    const bytes = this.#request.bytesOf(index);
    await this.#parts.client.storeShard(peer, id, grant.ticket, bytes, signal);
    this.sentBytes += lengthBytes;
  }

  /** Gives a transfer up when others of the stripe were much faster and there is another holder. */
  async #watch(started: number, slowly: AbortController, done: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    try {
      for (;;) {
        await clock.sleep(SLOW_FLOOR_MS / 4, done);
        const elapsed = clock.monotonicMs() - started;
        const median = this.#medianMs();
        const limit = Math.max(SLOW_FLOOR_MS, SLOW_FACTOR * (median ?? Number.POSITIVE_INFINITY));
        if (elapsed > limit && this.#fresh.length > 0) return slowly.abort();
      }
    } catch {
      // The transfer ended first: the watch ends with it.
    }
  }

  #medianMs(): number | undefined {
    const sorted = this.#durationsMs.toSorted((a, b) => a - b);
    return sorted.length * 2 < this.#request.code.n ? undefined : sorted[sorted.length >>> 1];
  }
}
