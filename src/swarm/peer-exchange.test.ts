import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { MemoryBlobs } from "../adapters/blobs-memory.ts";
import { MemoryClock } from "../adapters/clock-memory.ts";
import { openDatabase } from "../adapters/database.node.ts";
import { createMemoryNetwork } from "../adapters/net-memory.ts";
import { systemRandom } from "../adapters/random.node.ts";
import { fromUtf8, utf8 } from "../base/bytes.ts";
import { idOf, type PeerId } from "../base/id.ts";
import { PEERS_PAGE_MAX, PEERS_PER_SOURCE_MAX } from "../base/limits.ts";
import { signingKeyOf, type SigningKey } from "../crypto/sign.node.ts";
import type { Log } from "../ports/log.ts";
import type { Net, PeerResponse } from "../ports/net.ts";
import { openHolder } from "../shards/holder.ts";
import { HOLDER_SCHEMA } from "../shards/schema.ts";
import { signCard } from "./card-book.ts";
import { askDialBack, createDialBack, type DialDirect } from "./dial-back.ts";
import { PeerBook } from "./peer-book.ts";
import { createPeerExchange, type PeerExchange } from "./peer-exchange.ts";
import { openRecordStore } from "./records.ts";
import { createPeerHandler } from "./server.ts";
import { encodeCards } from "./wire.ts";

const clock = new MemoryClock();
const network = createMemoryNetwork(clock);
const signal = new AbortController().signal;
const log: Log = { write: () => undefined };
const database = openDatabase(":memory:", { schema: HOLDER_SCHEMA });
const holderKey = keyFor(1);
const holder = openHolder({
  ...{ database, clock, log, random: systemRandom, key: holderKey },
  blobs: new MemoryBlobs(),
  spaceBytes: () => 0,
});
const records = openRecordStore(database, clock);
after(() => database.close());

interface Peer {
  id: PeerId;
  net: Net;
  book: PeerBook;
  exchange: PeerExchange;
  card: Uint8Array;
}

function keyFor(number: number): SigningKey {
  const seed = new Uint8Array(32);
  new DataView(seed.buffer).setUint32(0, number + 1);
  return signingKeyOf(seed);
}

function cardOf(number: number): Uint8Array {
  const key = keyFor(number);
  const id = idOf(key.publicKey);
  const body = { id, addresses: ["192.0.2.1:1"], offeredBytes: 1, protocol: 1 } as const;
  return signCard(key, { ...body, timeMs: clock.nowMs() });
}

/** A peer of the in-memory network, with the real handler. */
async function openPeer(number: number, dialDirect?: DialDirect): Promise<Peer> {
  const id = idOf(keyFor(number).publicKey);
  const book = new PeerBook({ self: id, clock });
  const net = network.net(id);
  const card = cardOf(number);
  const parts = { book, net, clock, log, random: systemRandom, ownCard: () => card };
  const exchange = createPeerExchange(parts);
  const hello = { protocol: 1, version: "0", offeredBytes: 0, freeBytes: 0 };
  await net.listen(
    createPeerHandler({
      ...{ holder, records, clock, log, hello: () => hello },
      cards: () => exchange.cards(),
      takeCard: (peer, pushed) => exchange.take(peer, pushed),
      ...(dialDirect === undefined ? {} : { dialBack: createDialBack({ clock, dialDirect }) }),
    }),
  );
  return { id, net, book, exchange, card };
}

function codeIn(response: PeerResponse): unknown {
  return (JSON.parse(fromUtf8(response.body) ?? "") as { code: unknown }).code;
}

describe("peer exchange", () => {
  test("a newcomer is known at once, and knows the others", async () => {
    const [old, other, guest] = await Promise.all([10, 11, 12].map((number) => openPeer(number)));
    assert.ok(old && other && guest);
    await old.exchange.ask(other.id, signal);
    assert.equal(await guest.exchange.ask(other.id, signal), 3, "its own is among them");
    assert.deepEqual(
      guest.book
        .peers()
        .map(({ id }) => id)
        .sort(),
      [old.id, other.id].sort(),
    );
    assert.deepEqual(other.book.cardOf(guest.id), guest.card);
    assert.equal(guest.book.hasAnswered(old.id), false, "only its card is known");
  });

  test("a peer pushes its own card alone, and not too often", async () => {
    const [asked, liar] = await Promise.all([20, 21].map((number) => openPeer(number)));
    assert.ok(asked && liar);
    const push = (...cards: Uint8Array[]): Promise<PeerResponse> =>
      liar.net.request(
        asked.id,
        { method: "POST", path: "/v1/peers", body: encodeCards(cards) },
        signal,
      );
    assert.equal(codeIn(await push(cardOf(10))), "REQUEST_MALFORMED");
    assert.equal(codeIn(await push(liar.card)), "ASKED_TOO_OFTEN");
    await clock.advance(5_000);
    assert.equal((await push(liar.card)).status, 200);
    assert.equal(codeIn(await push()), "REQUEST_MALFORMED");
    assert.equal(codeIn(await push(liar.card, liar.card)), "REQUEST_MALFORMED");
    assert.deepEqual(
      asked.book.peers().map(({ id }) => id),
      [liar.id],
    );
  });

  test("an answer is a bounded sample: our own first, then those that were there lately", async () => {
    const { book, exchange, card, id } = await openPeer(30);
    for (let number = 1_000; number < 1_000 + PEERS_PER_SOURCE_MAX; number++) {
      book.addCard(cardOf(number), "dht");
    }
    const there = idOf(keyFor(1_007).publicKey);
    book.answered(there);
    const first = exchange.cards();
    assert.deepEqual([first.length, first[0]], [PEERS_PAGE_MAX, card]);
    assert.deepEqual(first[1], book.cardOf(there));
    assert.notDeepEqual(exchange.cards(), first, "another sample each time");
    assert.equal(book.find(id), undefined);
  });

  test("one that lies about thousands fills its share; forged, far and foreign cards do nothing", async () => {
    const asker = await openPeer(40);
    const liar = keyFor(41);
    const net = network.net(idOf(liar.publicKey));
    let from = 5_000;
    const far = signCard(keyFor(42), {
      ...{ id: idOf(keyFor(42).publicKey), addresses: [], offeredBytes: 0, protocol: 1 },
      timeMs: clock.nowMs() + 40 * 3_600_000,
    });
    await net.listen(async () => {
      const cards = Array.from({ length: PEERS_PAGE_MAX - 2 }, () => cardOf(from++));
      return { status: 200, body: encodeCards([far, cardOf(43).fill(0, 0, 9), ...cards]) };
    });
    for (let round = 0; round < 3; round++) {
      const usable = await asker.exchange.ask(idOf(liar.publicKey), signal);
      assert.equal(usable, PEERS_PAGE_MAX - 2);
    }
    assert.equal(asker.book.peers().length, PEERS_PER_SOURCE_MAX + 1);
    assert.equal(asker.book.find(idOf(keyFor(42).publicKey)), undefined);
  });

  test("an answer that is too long or no list is an error that names no card", async () => {
    const asker = await openPeer(50);
    const peer = idOf(keyFor(51).publicKey);
    const net = network.net(peer);
    const cards = Array.from({ length: PEERS_PAGE_MAX + 1 }, () => new Uint8Array(1));
    await net.listen(async () => ({ status: 200, body: encodeCards(cards) }));
    await assert.rejects(asker.exchange.ask(peer, signal), { code: "FORMAT_MALFORMED" });
    await net.listen(async () => ({ status: 503 }));
    await assert.rejects(asker.exchange.ask(peer, signal), { code: "PEER_REFUSED" });
    assert.deepEqual(
      asker.book.peers().map(({ id }) => id),
      [peer],
    );
  });

  test("run() finds a whole chain of peers from one rumour, and ends with its signal", async () => {
    const chain = await Promise.all([60, 61, 62, 63].map((number) => openPeer(number)));
    const [first, second, third, last] = chain;
    assert.ok(first && second && third && last);
    second.book.addCard(third.card, "invitation");
    third.book.addCard(last.card, "invitation");
    first.book.addHints("dht", [{ peer: second.id }]);
    const ending = new AbortController();
    const running = first.exchange.run(ending.signal);
    for (let round = 0; round < 6; round++) await clock.advance(20_000);
    const known = first.book.peers().map(({ id }) => id);
    assert.deepEqual(known.sort(), [second.id, third.id, last.id].sort());
    const late = await openPeer(64);
    first.book.addHints("lan", [{ peer: late.id, address: "192.168.1.2:1" }]);
    first.exchange.wake();
    await clock.advance(250);
    assert.equal(first.book.hasAnswered(late.id), true, "wake() does not wait for the next round");
    ending.abort();
    await running;
  });
});

test("run() is kept from nobody by those that hang or were made up, and forgets these", async () => {
  const asker = await openPeer(80);
  const made = Array.from({ length: 40 }, (_, at) => idOf(keyFor(9_000 + at).publicKey));
  for (const [at, id] of made.entries()) {
    network.net(id);
    if (at < 2) {
      await network.net(id).listen(async () => ({ status: 200 }));
      network.setFault(id, { hang: true });
    }
  }
  asker.book.addHints(
    "dht",
    made.map((peer) => ({ peer })),
  );
  const ending = new AbortController();
  const running = asker.exchange.run(ending.signal);
  await clock.advance(60_000);
  const real = await openPeer(81);
  asker.book.addHints("lan", [{ peer: real.id, address: "192.168.1.2:1" }]);
  asker.exchange.wake();
  await clock.advance(250);
  assert.equal(asker.book.hasAnswered(real.id), true);
  await clock.advance(2 * 3_600_000);
  assert.deepEqual(asker.book.rumoured(), []);
  ending.abort();
  await running;
});

describe("dial back", () => {
  test("dials the host that was seen and nowhere else, and says what it found", async () => {
    const dialled: string[] = [];
    const asked = await openPeer(70, async (_peer, address) => {
      dialled.push(address);
      if (address.endsWith(":5000")) throw new Error("nobody is there");
    });
    const asker = await openPeer(71);
    const report = await askDialBack(asker.net, asked.id, [4000, 5000], signal);
    assert.deepEqual(report.tcp, { 4000: "open", 5000: "closed" });
    const host = report.seen.split(":")[0] ?? "";
    assert.match(host, /^10\./);
    assert.deepEqual(dialled.sort(), [`${host}:4000`, `${host}:5000`]);
    const again = askDialBack(asker.net, asked.id, [4000], signal);
    await assert.rejects(again, { code: "PEER_REFUSED" });
    assert.equal(dialled.length, 2, "not so soon again");
  });

  test("one that hangs is closed after its time, and its dial is aborted", async () => {
    let wasAborted = false;
    const asked = await openPeer(72, (_peer, _address, ending) => {
      ending.addEventListener("abort", () => (wasAborted = true));
      return new Promise(() => undefined);
    });
    const asker = await openPeer(73);
    const asking = askDialBack(asker.net, asked.id, [4000], signal);
    await clock.advance(5_000);
    assert.deepEqual([(await asking).tcp, wasAborted], [{ 4000: "closed" }, true]);
  });

  test("refuses what is no list of one or two ports, and what it does not do at all", async () => {
    const asked = await openPeer(74, async () => undefined);
    const asker = await openPeer(75);
    const post = (body: string): Promise<PeerResponse> =>
      asker.net.request(
        asked.id,
        { method: "POST", path: "/v1/dial-back", body: utf8(body) },
        signal,
      );
    const hosts = '{"ports":[1],"host":"192.0.2.1"}';
    for (const body of [
      "",
      "[]",
      "null",
      '{"ports":[]}',
      '{"ports":[0]}',
      '{"ports":["1"]}',
      hosts,
    ]) {
      assert.equal(codeIn(await post(body)), "REQUEST_MALFORMED", body);
    }
    assert.equal(codeIn(await post('{"ports":[1,2,3]}')), "REQUEST_MALFORMED");
    await assert.rejects(askDialBack(asked.net, asker.id, [1], signal), { code: "PEER_REFUSED" });
  });

  test("one whose address is not seen is refused, and many at once are", async () => {
    const dialBack = createDialBack({ clock, dialDirect: () => new Promise(() => undefined) });
    const hidden = dialBack.dial({ peer: "hidden", address: undefined }, [1], signal);
    await assert.rejects(hidden, { code: "DIAL_BACK_REFUSED" });
    const ending = new AbortController();
    const running = Array.from({ length: 16 }, (_, at) =>
      dialBack.dial({ peer: `${at}`, address: "192.0.2.1:1" }, [1], ending.signal),
    );
    const more = dialBack.dial({ peer: "more", address: "192.0.2.1:1" }, [1], signal);
    await assert.rejects(more, { code: "DIAL_BACK_REFUSED", message: /16/ });
    ending.abort();
    await Promise.all(running);
  });

  test("an answer of another form is one of another form", async () => {
    const asker = await openPeer(76);
    const peer = idOf(keyFor(77).publicKey);
    const net = network.net(peer);
    const bodies = ["", "{}", '{"tcp":{}}', '{"tcp":{},"seen":"here"}', '{"tcp":[],"seen":"a:1"}'];
    for (const text of bodies) {
      await net.listen(async () => ({ status: 200, body: utf8(text) }));
      const asking = askDialBack(asker.net, peer, [1], signal);
      await assert.rejects(asking, { code: "ANSWER_MALFORMED" }, text);
    }
    await net.listen(async () => ({ status: 200, body: utf8('{"tcp":{"1":7},"seen":"a:1"}') }));
    const report = await askDialBack(asker.net, peer, [1], signal);
    assert.deepEqual(report, { tcp: { 1: "closed" }, seen: "a:1" });
  });
});
