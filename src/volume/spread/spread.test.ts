import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryClock } from "../../adapters/clock-memory.ts";
import { NetError } from "../../adapters/net-error.ts";
import type { PeerId, ShardId } from "../../base/id.ts";
import { KIB } from "../../base/limits.ts";
import { noise } from "../../../tests/noise.ts";
import type { ShardWish, TicketGrant } from "../../ports/holder.ts";
import { spreadStripe } from "./spread.ts";
import type { ShardStoring, SpreadRequest } from "./spread.ts";

const LIVE = new AbortController().signal;
const SHARD_BYTES = 100 * KIB;

/** How a holder behaves: it takes a shard after so long, or says why not. */
type Manner = { takesMs: number } | "full" | "dead" | "silent" | "breaks" | "held" | "mute" | "cut";

/** Holders that take shards in a simulated time. */
class Holders implements ShardStoring {
  readonly clock = new MemoryClock();
  readonly manners: Map<PeerId, Manner>;
  readonly kept = new Map<PeerId, Map<ShardId, Uint8Array>>();
  readonly asked: string[] = [];
  #isOver = false;

  constructor(manners: Record<PeerId, Manner>) {
    this.manners = new Map(Object.entries(manners));
  }

  async reserve(
    peer: PeerId,
    [wish]: readonly ShardWish[],
    signal: AbortSignal,
  ): Promise<readonly TicketGrant[]> {
    signal.throwIfAborted();
    assert.ok(wish !== undefined && wish.lengthBytes === SHARD_BYTES);
    this.asked.push(`${peer} ${wish.id}`);
    const manner = this.manners.get(peer);
    if (manner === "dead") throw new Error("unreachable");
    if (manner === "silent") return this.#forever(signal);
    if (manner === "mute") return [];
    const { id } = wish;
    if (manner === "full") return [{ id, outcome: "refused", code: "FULL", message: "no space" }];
    if (manner === "held") return [{ id, outcome: "held", receipt: new Uint8Array() }];
    return [{ id, outcome: "granted", ticket: new TextEncoder().encode(`${peer} ${id}`) }];
  }

  async storeShard(
    peer: PeerId,
    id: ShardId,
    ticket: Uint8Array,
    bytes: Uint8Array,
    signal: AbortSignal,
  ): Promise<void> {
    assert.equal(new TextDecoder().decode(ticket), `${peer} ${id}`);
    const manner = this.manners.get(peer);
    if (manner === "breaks") throw new Error("connection reset");
    if (manner === "cut") {
      this.manners.set(peer, { takesMs: 1 });
      throw new NetError("PEER_UNREACHABLE", "the relay went away");
    }
    if (typeof manner === "object") await this.clock.sleep(manner.takesMs, signal);
    signal.throwIfAborted();
    const shards = this.kept.get(peer) ?? new Map<ShardId, Uint8Array>();
    this.kept.set(peer, shards.set(id, bytes.slice()));
  }

  #forever(signal: AbortSignal): Promise<never> {
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
  }

  /** Spreads a stripe of 2 of n over these holders, in their order, while time passes. */
  async spread(
    n: number,
    request: Partial<SpreadRequest> = {},
    signal = LIVE,
  ): Promise<Awaited<ReturnType<typeof spreadStripe>>> {
    const parts = { client: this, clock: this.clock, log: { write: () => undefined } };
    const spreading = spreadStripe(
      parts,
      {
        packBytes: 2 * SHARD_BYTES,
        code: { k: 2, n },
        ids: Array.from({ length: n }, (_, index) => `shard ${index}`),
        bytesOf: (index) => noise(SHARD_BYTES, index),
        held: [],
        ranking: [...this.manners.keys()],
        ...request,
      },
      signal,
    );
    const passing = this.#pass();
    const timeUp = passing.then(() => assert.fail("spreading does not end"));
    timeUp.catch(() => undefined);
    try {
      return await Promise.race([spreading, timeUp]);
    } finally {
      this.#isOver = true;
      await passing;
    }
  }

  /** Lets time pass until it is over, ten minutes at most. */
  async #pass(): Promise<void> {
    this.#isOver = false;
    for (let seconds = 0; seconds < 600; seconds++) {
      if (this.#isOver) return;
      await this.clock.advance(1000);
    }
  }

  /** Checks that holders have what the result says, each shard with its own bytes. */
  check(holders: readonly (PeerId | undefined)[]): void {
    const used = holders.filter((peer) => peer !== undefined);
    assert.equal(new Set(used).size, used.length, "each holder has one shard");
    for (const [index, peer] of holders.entries()) {
      if (peer === undefined || this.manners.get(peer) === "held") continue;
      assert.deepEqual(this.kept.get(peer)?.get(`shard ${index}`), noise(SHARD_BYTES, index));
    }
  }
}

const quick = { takesMs: 100 };

describe("spreadStripe()", () => {
  test("gives shard after shard to holder after holder, at the same time", async () => {
    const holders = new Holders({ a: quick, b: quick, c: quick, d: quick });
    const result = await holders.spread(3);
    assert.deepEqual(result.holders, ["a", "b", "c"]);
    holders.check(result.holders);
    assert.equal(result.sentBytes, 3 * SHARD_BYTES);
    assert.equal(holders.clock.monotonicMs(), 1000);
    assert.equal(holders.clock.sleeping, 0, "nothing is watched any more");
    assert.equal(result.refusals.size, 0);
  });

  for (const manner of ["full", "dead", "breaks", "mute"] as const) {
    test(`a holder that is ${manner} is replaced by the next one`, async () => {
      const holders = new Holders({ a: quick, b: manner, c: quick, d: quick });
      const result = await holders.spread(3);
      assert.deepEqual(result.holders, ["a", "d", "c"]);
      holders.check(result.holders);
      assert.equal(result.sentBytes, 3 * SHARD_BYTES);
      assert.deepEqual([...result.refusals.keys()], ["b"]);
    });
  }

  test("a holder whose session broke is tried again when there is no other", async () => {
    const holders = new Holders({ a: { takesMs: 1 }, b: "cut" });
    const result = await holders.spread(2);
    assert.deepEqual(result.holders, ["a", "b"]);
    assert.equal(holders.asked.filter((line) => line.startsWith("b")).length, 2);
  });

  test("a shard for which none is left has no holder, the others have theirs", async () => {
    const holders = new Holders({ a: quick, b: "full", c: "dead" });
    const result = await holders.spread(3);
    assert.deepEqual(result.holders, ["a", undefined, undefined]);
    assert.deepEqual(result.refusals.get("b"), "no space");
    const none = await new Holders({}).spread(3);
    assert.deepEqual(none.holders, [undefined, undefined, undefined]);
    assert.equal(none.sentBytes, 0);
  });

  test("a holder much slower than the others is replaced", async () => {
    const holders = new Holders({ a: quick, b: { takesMs: 100_000 }, c: quick, d: quick });
    const result = await holders.spread(3);
    assert.deepEqual(result.holders, ["a", "d", "c"]);
    assert.ok(holders.clock.monotonicMs() < 20_000);
    assert.equal(result.refusals.get("b"), "too slow");
    assert.equal(holders.clock.sleeping, 0);
  });

  test("a holder that never answers a wish is replaced as well", async () => {
    const holders = new Holders({ a: "silent", b: quick, c: quick, d: quick });
    const result = await holders.spread(3);
    assert.deepEqual(result.holders, ["d", "b", "c"]);
  });

  test("a slow holder is better than none: it gets its time, and once again if replaced", async () => {
    const alone = new Holders({ a: quick, b: quick, c: { takesMs: 100_000 } });
    assert.deepEqual((await alone.spread(3)).holders, ["a", "b", "c"]);
    const refused = new Holders({ a: quick, b: quick, c: { takesMs: 60_000 }, d: "full" });
    const result = await refused.spread(3);
    assert.deepEqual(result.holders, ["a", "b", "c"]);
    refused.check(result.holders);
  });

  test("where all are equally slow none is given up", async () => {
    const slow = { takesMs: 60_000 };
    const holders = new Holders({ a: slow, b: slow, c: slow, d: slow, e: slow });
    const result = await holders.spread(3);
    assert.deepEqual(result.holders, ["a", "b", "c"]);
    assert.equal(holders.asked.length, 3);
  });

  test("what is held already is not sent, whether we know it or the holder says it", async () => {
    const known = new Holders({ a: quick, b: quick, c: quick });
    const result = await known.spread(3, { held: [undefined, "a", undefined] });
    assert.deepEqual(result.holders, ["b", "a", "c"]);
    assert.equal(result.sentBytes, 2 * SHARD_BYTES);
    assert.deepEqual(known.asked.toSorted(), ["b shard 0", "c shard 2"]);
    const says = new Holders({ a: "held", b: "held", c: quick });
    const told = await says.spread(3);
    assert.deepEqual(told.holders, ["a", "b", "c"]);
    assert.equal(told.sentBytes, SHARD_BYTES);
    const all = await known.spread(3, { held: ["x", "y", "z"] });
    assert.deepEqual(all.holders, ["x", "y", "z"]);
    assert.equal(known.asked.length, 2);
  });

  test("run again, it goes to the same holders in the same order", async () => {
    const manners = { a: quick, b: quick, c: quick, d: quick } as const;
    const first = new Holders(manners);
    const again = new Holders(manners);
    await first.spread(3);
    await again.spread(3);
    assert.deepEqual(first.asked, again.asked);
  });

  test("an abort ends it with the signal's reason, whatever holders do", async () => {
    for (const manner of ["silent", { takesMs: 1e9 }] as const) {
      const holders = new Holders({ a: manner, b: manner, c: manner });
      const abort = new AbortController();
      const spreading = holders.spread(3, {}, abort.signal);
      abort.abort(new Error("enough"));
      await assert.rejects(spreading, /enough/);
      assert.equal(holders.clock.sleeping, 0);
      assert.equal(holders.kept.size, 0);
    }
  });

  test("nothing is asked after an abort", async () => {
    const holders = new Holders({ a: "dead", b: quick, c: quick, d: quick });
    await assert.rejects(
      holders.spread(3, {}, AbortSignal.abort(new Error("too late"))),
      /too late/,
    );
    assert.equal(holders.kept.size, 0);
  });
});
