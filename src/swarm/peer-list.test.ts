import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { idOf } from "../base/id.ts";
import { PEERS_MAX } from "../base/limits.ts";
import { createMemoryDirectory, formatPeerList, parsePeerList } from "./peer-list.ts";

const id = idOf(new Uint8Array(32).fill(1));
const other = idOf(new Uint8Array(32).fill(2));
const card = { id, addresses: ["127.0.0.1:4000", "[::1]:4000", "host.example:1"], offeredBytes: 5 };

test("parsePeerList() reads what formatPeerList() writes", () => {
  const cards = [card, { id: other, addresses: [], offeredBytes: 0, site: "attic" }];
  assert.deepEqual(parsePeerList(formatPeerList(cards)), cards);
  assert.deepEqual(parsePeerList(formatPeerList([])), []);
  const source = `tracker:${id}` as const;
  const found = [
    { ...card, source, card: Uint8Array.of(1, 2, 3), answeredMs: 7, answeredAt: "a:1" },
  ];
  assert.deepEqual(parsePeerList(formatPeerList(found)), found);
});

describe("parsePeerList() refuses", () => {
  const list = (...peers: unknown[]): string => JSON.stringify({ version: 1, peers });
  const cases: Record<string, [text: string, message: RegExp]> = {
    "what is not JSON": ["{", /not JSON/],
    "no object": ["[]", /not an object/],
    "another version": ['{"version":2,"peers":[]}', /version 2/],
    "an unknown key": ['{"version":1,"peers":[],"x":1}', /"x"/],
    "no list": ['{"version":1,"peers":{}}', /not a list/],
    "an entry that is nothing": [list(card, null), /entry 2/],
    "an unknown key of an entry": [list({ ...card, port: 1 }), /entry 1: unknown key "port"/],
    "a wrong id": [list({ ...card, id: `${id.slice(1)}!` }), /entry 1: id/],
    "a peer that is there twice": [list(card, card), /entry 2: .* twice/],
    "an address without port": [list({ ...card, addresses: ["host"] }), /"host" is not host:port/],
    "port 0": [list({ ...card, addresses: ["host:0"] }), /host:0/],
    "port 65536": [list({ ...card, addresses: ["host:65536"] }), /65536/],
    "bare IPv6": [list({ ...card, addresses: ["::1:4000"] }), /::1:4000/],
    "too many addresses": [list({ ...card, addresses: Array(9).fill("a:1") }), /at most 8/],
    "negative space": [list({ ...card, offeredBytes: -1 }), /offeredBytes/],
    "a source that is none": [list({ ...card, source: "tracker:me" }), /source/],
    "a card that is no text": [list({ ...card, card: 7 }), /card/],
    "a card that is not base64url": [list({ ...card, card: "a+b" }), /card/],
    "a card that is too long": [list({ ...card, card: "A".repeat(8_000) }), /card/],
    "a place that is none": [list({ ...card, answeredAt: "here" }), /answeredAt/],
    "a time that is none": [list({ ...card, answeredMs: 0.5 }), /answeredMs/],
    "a site with a newline": [list({ ...card, site: "a\nb" }), /site/],
  };
  for (const [name, [text, message]] of Object.entries(cases)) {
    test(name, () =>
      assert.throws(() => parsePeerList(text), { code: "PEER_LIST_INVALID", message }),
    );
  }
});

test("a memory directory finds, replaces, forgets, and is bounded", async () => {
  const directory = createMemoryDirectory([card]);
  assert.deepEqual(directory.find(id), card);
  assert.equal(directory.find(other), undefined);
  directory.add({ ...card, offeredBytes: 6 });
  assert.equal(directory.find(id)?.offeredBytes, 6);
  assert.deepEqual(await directory.lookup(other, new AbortController().signal), [id]);
  directory.remove(id);
  assert.deepEqual(directory.peers(), []);
  for (let index = 0; index < PEERS_MAX + 10; index++) {
    directory.add({ ...card, id: `${index}` });
  }
  assert.equal(directory.peers().length, PEERS_MAX);
});
