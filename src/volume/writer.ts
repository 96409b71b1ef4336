import type { PeerId } from "../base/id.ts";
import { base32Encode } from "../base/base32.ts";
import { assert } from "../base/assert.ts";
import { codeOf } from "../base/error.ts";
import type { Stripe } from "../codec/stripe.ts";
import { shardBytesOf } from "../codec/stripe.ts";
import type { VolumeKeys } from "../object/keys.ts";
import { isCodeUsable, packMatches, shardAt } from "../object/stripe.ts";
import type { StripeCode } from "../object/stripe.ts";
import type { Arena } from "../kernels/arena.ts";
import type { ArenaPool } from "../kernels/arena-pool.ts";
import type { Blobs } from "../ports/blobs.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Workers } from "../ports/workers.ts";
import { VolumeError } from "./error.ts";
import { packIdent } from "./index/store.ts";
import type { IndexStore } from "./index/store.ts";
import type { PackSetup, ReadyStripe } from "./pack/messages.ts";
import { PackSession } from "./pack/session.ts";
import type { Report } from "./service.ts";
import { spreadStripe } from "./spread/spread.ts";
import type { VolumeSwarm } from "./swarm.ts";

export interface WriterParts {
  index: IndexStore;
  /** Path of the index database, for the worker's own connection. */
  indexPath: string;
  keys: VolumeKeys;
  swarm: VolumeSwarm;
  workers: Workers;
  /** Arenas of at least PACK_ARENA_BYTES. */
  arenas: ArenaPool;
  /** Packs that are not on all their holders yet. */
  packs: Blobs;
  clock: Clock;
  log: Log;
}

/** What one piece of writing is done with. */
export interface WriteOptions {
  code: StripeCode;
  holders: readonly PeerId[];
  /** Shards of a stripe that are placed now; the others follow in the background. */
  placeMax: number;
  report: Report;
}

/** The name of a pack's local copy. */
export function localPackName(stripe: Stripe): string {
  return base32Encode(packIdent(stripe));
}

/** Owns the pack worker and its memory, and brings each stripe to its holders and into the
 * index. */
export class Writer {
  readonly #parts: WriterParts;
  /** Recoding stripes by slot: which pack they belong to and who holds shards of it already. */
  readonly #recoding = new Map<number, { pack: number; before: Stripe }>();
  /** Holders that did not take a shard in this session: the next stripes try them last, so that one
   * that is silent costs its time-out once, not with every stripe. */
  readonly #passedOver = new Set<PeerId>();
  #arena: Arena | undefined;
  /** Bytes of shards that this session sent to holders. */
  sentBytes = 0;
  /** How often `finishPack` found new holders for shards, or a new code. */
  stripesChanged = 0;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** Runs `work` with a pack session; the session ends with it.
   * @throws VolumeError CODE_UNUSABLE */
  async withSession<T>(
    options: WriteOptions,
    signal: AbortSignal,
    work: (session: PackSession) => Promise<T>,
  ): Promise<T> {
    if (!isCodeUsable(options.code)) {
      const { k, n } = options.code;
      throw new VolumeError("CODE_UNUSABLE", `code ${k}/${n} makes too many bytes of each pack`, {
        hint: "wish for less than nine times as many shards as are needed to read",
      });
    }
    this.sentBytes = 0;
    this.#passedOver.clear();
    const { keys, indexPath, index, workers, arenas } = this.#parts;
    const arena = arenas.lend();
    this.#arena = arena;
    const setup: PackSetup = { memory: arena.memory, keys, indexPath };
    const spreading = new AbortController();
    const session = new PackSession(workers.start("pack", setup), {
      onStripe: (stripe) =>
        this.#place(arena, stripe, options, AbortSignal.any([signal, spreading.signal])),
      onNode: (name, bytes) => index.keepNode(name, bytes),
      report: options.report,
    });
    try {
      session.useCode(options.code);
      return await work(session);
    } finally {
      spreading.abort(new Error("the session ended"));
      await session.close();
      this.#recoding.clear();
      this.#arena = undefined;
      arenas.giveBack(arena);
    }
  }

  /** Reads the local copy of a pack into a slot and brings its missing shards to holders, in
   * another code where `code` differs.
   * @returns false where there is no local copy that is as it was */
  async finishPack(
    session: PackSession,
    pack: { id: number; kind: ReadyStripe["kind"]; stripe: Stripe },
    code: StripeCode,
    signal: AbortSignal,
  ): Promise<boolean> {
    const arena = this.#arena;
    assert(arena !== undefined, "a session is open");
    const name = localPackName(pack.stripe);
    const { packBytes } = pack.stripe;
    if ((await this.#parts.packs.size(name)) !== packBytes) return false;
    const { slot, at } = await session.slot(signal);
    if (!(await this.#readLocal(arena, pack.stripe, name, at))) {
      session.release(slot);
      return false;
    }
    this.#recoding.set(slot, { pack: pack.id, before: pack.stripe });
    session.recode(slot, pack.kind, packBytes, code);
    return true;
  }

  /** Reads a local copy to `at` and checks it against the ids of its data shards: otherwise damage
   * on this disk would become what all holders have.
   * @returns false where it cannot be read or is damaged */
  async #readLocal(arena: Arena, stripe: Stripe, name: string, at: number): Promise<boolean> {
    const { packs, log } = this.#parts;
    const { packBytes, k, shards } = stripe;
    try {
      const got = await packs.read(name, 0, arena.bytes.subarray(at, at + packBytes));
      if (got === packBytes && packMatches(arena, at, packBytes, shards.slice(0, k))) return true;
      log.write("warn", "local_pack_corrupt");
    } catch (error) {
      log.write("warn", "local_pack_not_read", { reason: codeOf(error) ?? "FAILED" });
    }
    return false;
  }

  async #place(
    arena: Arena,
    ready: ReadyStripe,
    options: WriteOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const { code, ids, packBytes, at } = ready;
    const recoded = this.#recoding.get(ready.slot);
    this.#recoding.delete(ready.slot);
    const held = ids.map((id, index) => {
      const before = recoded?.before.shards[index];
      return before?.id === id ? before.holder : undefined;
    });
    const shardBytes = shardBytesOf(packBytes, code.k);
    const wanted = Math.min(options.placeMax, ids.length);
    const { swarm, clock, log } = this.#parts;
    const result = await spreadStripe(
      { client: swarm, clock, log },
      {
        packBytes,
        code,
        ids: ids.slice(0, Math.max(wanted, held.findLastIndex((peer) => peer !== undefined) + 1)),
        bytesOf: (index) => {
          const start = shardAt(at, index, shardBytes, code.k);
          return arena.bytes.subarray(start, start + shardBytes);
        },
        held,
        ranking: this.#demoted(swarm.rank(ids, options.holders)),
      },
      signal,
    );
    this.sentBytes += result.sentBytes;
    for (const peer of result.refusals.keys()) this.#passedOver.add(peer);
    const shards = ids.map((id, index) => ({ id, holder: result.holders[index] }));
    const stripe: Stripe = { packBytes, ...code, shards };
    await this.#index(arena, ready, stripe, recoded);
  }

  #demoted(ranking: readonly PeerId[]): PeerId[] {
    const isLate = (peer: PeerId): boolean => this.#passedOver.has(peer);
    return [...ranking.filter((peer) => !isLate(peer)), ...ranking.filter(isLate)];
  }

  /** A stripe that is not safe keeps its pack on this machine; a safe one needs it no more. */
  async #index(
    arena: Arena,
    ready: ReadyStripe,
    stripe: Stripe,
    recoded: { pack: number; before: Stripe } | undefined,
  ): Promise<void> {
    const { index, packs } = this.#parts;
    // Nothing to tell: a new index for it would be published again and again.
    if (recoded !== undefined && equalStripes(recoded.before, stripe)) return;
    const isSafe = stripe.n > 1 && stripe.shards.every(({ holder }) => holder !== undefined);
    if (!isSafe) await this.#keepLocal(arena, ready, stripe);
    index.transaction(() => {
      if (recoded !== undefined) index.setStripe(recoded.pack, stripe);
      else index.addPack({ kind: ready.kind, stripe, entries: ready.entries }, false);
    });
    if (recoded === undefined) return;
    this.stripesChanged++;
    const before = localPackName(recoded.before);
    if (isSafe || before !== localPackName(stripe)) await packs.remove(before);
  }

  async #keepLocal(arena: Arena, ready: ReadyStripe, stripe: Stripe): Promise<void> {
    const { packs } = this.#parts;
    const name = localPackName(stripe);
    if ((await packs.size(name)) === ready.packBytes) return;
    const writer = await packs.create(name);
    try {
      await writer.write(arena.bytes.subarray(ready.at, ready.at + ready.packBytes));
      await writer.commit({ replace: true });
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }
}

function equalStripes(a: Stripe, b: Stripe): boolean {
  const same = a.packBytes === b.packBytes && a.k === b.k && a.n === b.n;
  return (
    same &&
    a.shards.every(({ id, holder }, index) => {
      const other = b.shards[index];
      return other?.id === id && other.holder === holder;
    })
  );
}
