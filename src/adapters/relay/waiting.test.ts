import assert from "node:assert/strict";
import { duplexPair, type Duplex } from "node:stream";
import { describe, test } from "node:test";
import { until } from "../../../tests/support/relay-swarm.ts";
import { idOf, type PeerId } from "../../base/id.ts";
import { hash } from "../../crypto/hash.node.ts";
import { MemoryClock } from "../clock-memory.ts";
import { NetError } from "../net-error.ts";
import {
  RELAY_LOOK_MS,
  RELAY_RETRY_MAX_MS,
  RELAY_STEADY_MS,
  RELAY_TAKES_MAX,
  RELAY_WAITS,
} from "./limits.ts";
import { takePath, WAIT_PATH } from "./paths.ts";
import { rankRelays } from "./rank.ts";
import { RelayWaiting } from "./waiting.ts";

const idFrom = (text: string): PeerId => idOf(hash(Buffer.from(text)));
const SELF = idFrom("self");
const TOKEN = "abcdefghijklmnopqrstuv";

/** Relays in memory: their ends of what the home opened. */
class Relays {
  readonly clock = new MemoryClock();
  readonly opened: { relay: PeerId; path: string; end: Duplex }[] = [];
  readonly accepted: Duplex[] = [];
  readonly dead = new Set<PeerId>();
  known: PeerId[];
  openCount = 0;
  takesHang = false;
  readonly waiting: RelayWaiting;

  constructor(count: number) {
    const all = Array.from({ length: count }, (_, number) => idFrom(`relay ${number}`));
    this.known = rankRelays(all, SELF);
    this.waiting = new RelayWaiting({
      self: SELF,
      upgrader: { open: (relay, path) => this.#open(relay, path) },
      relays: () => this.known,
      accept: (raw) => this.accepted.push(raw),
      clock: this.clock,
      random: { bytes: (length) => new Uint8Array(length).fill(255) },
      log: { write: () => undefined },
    });
  }

  async #open(relay: PeerId, path: string): Promise<Duplex> {
    this.openCount++;
    if (this.dead.has(relay)) throw new NetError("PEER_UNREACHABLE", "dead");
    if (this.takesHang && path !== WAIT_PATH) return new Promise(() => undefined);
    const [own, end] = duplexPair();
    end.resume();
    this.opened.push({ relay, path, end });
    return own;
  }

  endOf(relay: PeerId | undefined): Duplex {
    const found = this.opened.findLast((each) => each.relay === relay && each.path === WAIT_PATH);
    assert.ok(found !== undefined);
    return found.end;
  }
}

async function withRelays(count: number, work: (relays: Relays) => Promise<void>): Promise<void> {
  const relays = new Relays(count);
  try {
    await work(relays);
  } finally {
    relays.waiting.stop();
    await relays.clock.advance(1);
    assert.equal(relays.clock.sleeping, 0, "nothing sleeps on");
  }
}

describe("RelayWaiting", () => {
  test("waits at the few relays that it prefers, once each", () =>
    withRelays(5, async (relays) => {
      relays.waiting.start();
      relays.waiting.start();
      await relays.clock.advance(1);
      assert.deepEqual(relays.waiting.relays, relays.known.slice(0, RELAY_WAITS));
      await relays.clock.advance(RELAY_LOOK_MS * 3);
      assert.equal(relays.openCount, RELAY_WAITS);
    }));

  test("does not wait at itself, and finds relays that become known later", () =>
    withRelays(1, async (relays) => {
      const [relay] = relays.known as [PeerId];
      relays.known = [SELF];
      relays.waiting.start();
      await relays.clock.advance(RELAY_LOOK_MS);
      assert.equal(relays.openCount, 0);
      relays.known = [SELF, relay];
      await relays.clock.advance(RELAY_LOOK_MS);
      assert.deepEqual(relays.waiting.relays, [relay]);
    }));

  test("goes to the next relay at once when one ends the stream, and back later", () =>
    withRelays(3, async (relays) => {
      const [first, second, third] = relays.known as [PeerId, PeerId, PeerId];
      relays.waiting.start();
      await relays.clock.advance(RELAY_STEADY_MS / 4);
      relays.endOf(first).end();
      await until("another is chosen", () => relays.waiting.relays.includes(third));
      relays.endOf(second).end();
      await relays.clock.advance(RELAY_LOOK_MS * 2);
      assert.deepEqual(relays.waiting.relays.toSorted(), [first, third].toSorted());
    }));

  test("asks a dead relay more and more rarely, up to a bound", () =>
    withRelays(1, async (relays) => {
      relays.dead.add(relays.known[0] ?? "");
      relays.waiting.start();
      await relays.clock.advance(60_000);
      const early = relays.openCount;
      assert.ok(early >= 4 && early <= 8, `${early} in the first minute`);
      const hours = 10;
      await relays.clock.advance(hours * 3_600_000);
      const perHour = (relays.openCount - early) / hours;
      const least = 3_600_000 / (RELAY_RETRY_MAX_MS + RELAY_LOOK_MS);
      assert.ok(perHour > least * 0.9 && perHour < least * 2, `${perHour} in an hour`);
    }));

  test("fetches who is announced, from the relay that announced it", () =>
    withRelays(2, async (relays) => {
      relays.waiting.start();
      await relays.clock.advance(1);
      const [relay] = relays.known as [PeerId];
      relays.endOf(relay).write(`INCOMING ${TOKEN}\n`);
      await until("it was fetched", () => relays.accepted.length === 1);
      const last = relays.opened.at(-1);
      assert.equal(last?.relay, relay);
      assert.equal(last?.path, takePath(TOKEN));
    }));

  for (const line of ["HELLO", "INCOMING", `INCOMING ${TOKEN}/../x`, `INCOMING ${TOKEN} `]) {
    test(`leaves a relay that says "${line}"`, () =>
      withRelays(1, async (relays) => {
        relays.waiting.start();
        await relays.clock.advance(1);
        relays.endOf(relays.known[0]).write(`${line}\n`);
        await until("it is left", () => relays.waiting.relays.length === 0);
        assert.equal(relays.openCount, 1);
      }));
  }

  test("fetches only so many at once", () =>
    withRelays(1, async (relays) => {
      relays.waiting.start();
      await relays.clock.advance(1);
      relays.takesHang = true;
      relays.endOf(relays.known[0]).write(`INCOMING ${TOKEN}\n`.repeat(100));
      await until("all fetches began", () => relays.openCount > RELAY_TAKES_MAX);
      await relays.clock.advance(1);
      assert.equal(relays.openCount, 1 + RELAY_TAKES_MAX);
    }));

  test("stop() leaves all relays and asks none again; start() begins anew", () =>
    withRelays(3, async (relays) => {
      relays.waiting.start();
      await relays.clock.advance(1);
      relays.waiting.stop();
      assert.deepEqual(relays.waiting.relays, []);
      await relays.clock.advance(RELAY_RETRY_MAX_MS * 2);
      assert.equal(relays.openCount, RELAY_WAITS);
      relays.waiting.start();
      await relays.clock.advance(1);
      assert.equal(relays.waiting.relays.length, RELAY_WAITS);
    }));
});
