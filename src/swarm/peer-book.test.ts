import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryClock } from "../adapters/clock-memory.ts";
import { idOf, type PeerId } from "../base/id.ts";
import { PEERS_MAX, PEERS_PER_SOURCE_MAX } from "../base/limits.ts";
import type { CardBody } from "../codec/card.ts";
import { signingKeyOf, type SigningKey } from "../crypto/sign.node.ts";
import { signCard } from "./card-book.ts";
import { PeerBook } from "./peer-book.ts";
import { parseHint, parseSource, type HintSource, type PeerHint } from "./peer-hint.ts";

const HOUR_MS = 3_600_000;
const idFor = (number: number): PeerId => {
  const bytes = new Uint8Array(32).fill(0xaa);
  new DataView(bytes.buffer).setUint32(0, number);
  return idOf(bytes);
};
const self = idFor(0);
const liar = idFor(1);
const key = signingKeyOf(new Uint8Array(32).fill(7));
const peer = idOf(key.publicKey);
const address = "192.0.2.1:1";

function open(): {
  book: PeerBook;
  clock: MemoryClock;
  card: (part?: Partial<CardBody>) => Uint8Array;
} {
  const clock = new MemoryClock();
  const card = (part: Partial<CardBody> = {}, signer: SigningKey = key): Uint8Array =>
    signCard(signer, {
      id: idOf(signer.publicKey),
      addresses: [address],
      offeredBytes: 5,
      protocol: 1,
      timeMs: clock.nowMs(),
      ...part,
    });
  return { book: new PeerBook({ self, clock }), clock, card };
}

function many(from: number, count: number): PeerHint[] {
  return Array.from({ length: count }, (_, at) => ({ peer: idFor(from + at), address }));
}

function fill(book: PeerBook, source: HintSource, from: number, count: number): void {
  for (let at = from; at < from + count; at += 100) {
    book.addHints(source, many(at, Math.min(100, from + count - at)));
  }
}

describe("cards", () => {
  test("the later one counts, a replayed one changes nothing", () => {
    const { book, clock, card } = open();
    const old = card({ timeMs: clock.nowMs() - 5, addresses: ["192.0.2.9:9"] });
    const late = card();
    book.addCard(late, "dht");
    let news = 0;
    book.onChange(() => news++);
    book.addCard(old, `exchange:${liar}`);
    book.addCard(late, `exchange:${liar}`);
    assert.deepEqual(book.find(peer)?.addresses, [address]);
    assert.deepEqual([book.cardOf(peer), news], [late, 0]);
  });

  test("one from more than 36 hours ahead is refused, one from a clock a day ahead is not", () => {
    const { book, clock, card } = open();
    const far = card({ timeMs: clock.nowMs() + 36 * HOUR_MS + 1 });
    assert.throws(() => book.addCard(far, "dht"), {
      code: "FORMAT_MALFORMED",
      message: /36 hours/,
    });
    assert.equal(book.find(peer), undefined);
    book.addCard(card({ timeMs: clock.nowMs() + 25 * HOUR_MS }), "dht");
    assert.notEqual(book.find(peer), undefined);
  });

  test("one that another key signed is refused, and this peer's own is not kept", () => {
    const { card, clock } = open();
    const forged = signCard(signingKeyOf(new Uint8Array(32).fill(8)), {
      ...{ id: peer, addresses: [], offeredBytes: 0, protocol: 1, timeMs: clock.nowMs() },
    });
    const book = new PeerBook({ self: peer, clock });
    assert.throws(() => book.addCard(forged, "dht"), { code: "FORMAT_MALFORMED" });
    book.addCard(card(), "dht");
    book.addHints("dht", [{ peer, address }]);
    book.answered(peer);
    assert.equal(book.addByHand({ id: peer, addresses: [], offeredBytes: 1 }), false);
    assert.deepEqual(book.peers(), []);
  });

  test("tell roles and DHT nodes, of peers that answered first", () => {
    const { book, card } = open();
    book.addCard(card({ roles: ["relay"], bootstrap: ["192.0.2.1:7", "192.0.2.1:8"] }), "dht");
    assert.deepEqual([book.withRole("relay"), book.withRole("tracker")], [[peer], []]);
    assert.deepEqual(book.bootstrap(1), ["192.0.2.1:7"]);
  });
});

describe("a directory that lies", () => {
  test("names 100,000 peers and fills its share, again and again", () => {
    const { book } = open();
    book.addHints(`tracker:${liar}`, many(10, 100_000));
    assert.equal(book.rumoured().length, PEERS_PER_SOURCE_MAX);
    for (let round = 0; round < 20; round++) {
      book.addHints(`tracker:${liar}`, many(200_000 + 100 * round, 100));
    }
    assert.equal(book.rumoured().length, PEERS_PER_SOURCE_MAX);
    assert.deepEqual(book.peers(), [], "what it says is rumour, not a peer");
  });

  test("displaces nobody who answered, was added by hand, or was named by an honest one", () => {
    const { book } = open();
    book.addByHand({ id: idFor(2), addresses: [address], offeredBytes: 1 });
    book.answered(idFor(3));
    book.addHints("dht", [{ peer: idFor(4), address }]);
    for (let source = 0; source < 40; source++) {
      const from = 1_000 + source * 100;
      book.addHints(`exchange:${idFor(source + 10)}`, many(from, 100));
    }
    assert.equal(book.peers().length, 2);
    assert.equal(book.rumoured().length, PEERS_MAX - 2, "the book is full, and no fuller");
    assert.ok(book.rumoured().includes(idFor(4)), "who names few keeps them");
  });

  test("answers for other keys: its address is forgotten once it failed, true ones stay", () => {
    const { book, card } = open();
    book.addCard(card(), "invitation");
    book.addHints(`tracker:${liar}`, [
      { peer, address: "203.0.113.1:1" },
      { peer, address: "no address" },
      { peer: "no id", address },
    ]);
    assert.deepEqual(book.find(peer)?.addresses, [address, "203.0.113.1:1"]);
    book.failed(peer, "203.0.113.1:1");
    book.failed(peer, address);
    assert.deepEqual(book.find(peer)?.addresses, [address], "what it signed stays");
  });

  test("fills no peer's addresses: a place that answered stays", () => {
    const { book } = open();
    book.addHints("dht", [{ peer, address }]);
    book.answered(peer, address);
    for (let number = 0; number < 40; number++) {
      const source = `tracker:${idFor(1 + (number % 20))}` as const;
      book.addHints(source, [{ peer, address: `203.0.113.1:${number + 1}` }]);
    }
    assert.equal(book.find(peer)?.addresses.length, 8);
    assert.equal(book.find(peer)?.addresses[0], address);
    book.failed(peer, address);
    assert.equal(book.find(peer)?.addresses[0], address, "it may only have been switched off");
  });

  test("with ten thousand that answer displaces those that answered longest ago", async () => {
    const { book, clock } = open();
    book.addByHand({ id: idFor(2), addresses: [address], offeredBytes: 1 });
    book.answered(idFor(3));
    for (let number = 0; number < PEERS_MAX; number++) {
      await clock.advance(1);
      book.answered(idFor(100 + number));
    }
    assert.equal(book.peers().length, PEERS_MAX);
    assert.deepEqual([book.find(idFor(3)), book.find(idFor(100))], [undefined, undefined]);
    assert.notEqual(book.find(idFor(2)), undefined);
    fill(book, "dht", 50_000, 2_000);
    assert.equal(book.peers().length, PEERS_MAX, "rumours find no room");
  });
});

test("peers() begins with those that answer and those that fail go behind them", async () => {
  const { book, clock, card } = open();
  const [first, second, byHand, failing] = [3, 4, 5, 6].map(idFor);
  assert.ok(first && second && byHand && failing);
  book.addCard(card(), "dht");
  book.addByHand({ id: byHand, addresses: [], offeredBytes: 1 });
  for (const id of [second, failing, first]) {
    await clock.advance(1_000);
    book.answered(id);
  }
  book.failed(failing);
  const order = (): PeerId[] => book.peers().map(({ id }) => id);
  assert.deepEqual(order(), [first, second, byHand, failing, peer]);
  await clock.advance(1_000);
  book.answered(failing);
  assert.deepEqual(order()[0], failing);
});

test("isPresent(): the user's own, and who was heard of within a week", async () => {
  const { book, clock, card } = open();
  book.addCard(card(), `exchange:${liar}`);
  assert.equal(book.isPresent(peer), false, "a card alone may be made up");
  book.addCard(card({ timeMs: clock.nowMs() + 1 }), "self");
  assert.equal(book.isPresent(peer), true);
  await clock.advance(8 * 24 * HOUR_MS);
  assert.equal(book.isPresent(peer), false);
  book.answered(peer);
  assert.equal(book.isPresent(peer), true);
  book.addByHand({ id: idFor(9), addresses: [address], offeredBytes: 1 });
  await clock.advance(8 * 24 * HOUR_MS);
  assert.deepEqual(
    [peer, idFor(9), idFor(8)].map((id) => book.isPresent(id)),
    [false, true, false],
  );
});

test("addresses: by hand, then the local network while it is fresh, then the card's, then hints", async () => {
  const { book, clock, card } = open();
  book.addHints("dht", [{ peer, address: "192.0.2.3:3" }]);
  book.addHints("lan", [{ peer, address: "192.168.1.2:2" }]);
  book.addCard(card(), "dht");
  book.addByHand({ id: peer, addresses: ["a.example:1"], offeredBytes: 1 });
  const lan = "192.168.1.2:2";
  assert.deepEqual(book.find(peer)?.addresses, ["a.example:1", lan, address, "192.0.2.3:3"]);
  await clock.advance(3 * HOUR_MS);
  assert.deepEqual(book.find(peer)?.addresses, ["a.example:1", address, "192.0.2.3:3", lan]);
  assert.equal(book.find(peer)?.offeredBytes, 5, "the card says how much, the user guessed");
});

test("a book that comes back from disk in 1970 keeps its cards", () => {
  const { book, card } = open();
  book.addCard(card(), "dht");
  const early = new PeerBook({ self, clock: new MemoryClock(0) });
  early.restore(book.toKeep());
  assert.deepEqual(early.cardOf(peer), card());
});

test("parseHint() and parseSource() read what they should and nothing else", () => {
  assert.deepEqual(parseHint(`${peer}@[::1]:5`), { peer, address: "[::1]:5" });
  for (const text of ["", "@", `${peer}@`, `${peer}@a`, `${peer}:5`, `x${peer}@a:1`]) {
    assert.equal(parseHint(text), undefined, text);
  }
  for (const text of ["hand", "lan", `tracker:${peer}`, `exchange:${peer}`]) {
    assert.equal(parseSource(text), text);
  }
  for (const text of [
    "",
    "tracker",
    "tracker:",
    `lan:${peer}`,
    `tracker:${peer}:`,
    "constructor",
  ]) {
    assert.equal(parseSource(text), undefined, text);
  }
});
