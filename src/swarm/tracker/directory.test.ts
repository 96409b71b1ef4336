import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ACCOUNT,
  certificateOf,
  hashNamed,
  keyNamed,
  MemoryInventory,
  never,
  peerNamed,
  random,
  silent,
  withTrackers,
  type TrackerScene,
} from "../../../tests/support/tracker-scene.ts";
import { MemoryBlobs } from "../../adapters/blobs-memory.ts";
import { openDatabase } from "../../adapters/database.node.ts";
import { idOf } from "../../base/id.ts";
import { TRACKER_ASKED_MS, WHO_HAS_ADDRESSES_MAX } from "../../base/limits.ts";
import { leafHashes, shardIdOf } from "../../crypto/hash.node.ts";
import type { OutgoingResponse, PeerHandler } from "../../ports/net.ts";
import { openHolder } from "../../shards/holder.ts";
import { createInventory } from "../../shards/inventory.ts";
import { HOLDER_SCHEMA } from "../../shards/schema.ts";
import { createPeerClient } from "../client.ts";
import { openRecordStore } from "../records.ts";
import { createPeerHandler } from "../server.ts";
import { createTicketDesk } from "./agent.ts";

const json = (value: unknown, status = 200): OutgoingResponse => ({
  status,
  body: Buffer.from(JSON.stringify(value)),
});

test("a ticket that a tracker brings is one to upload with", () =>
  withTrackers(async (scene) => {
    await scene.tracker();
    const { clock } = scene;
    const database = openDatabase(":memory:", { schema: HOLDER_SCHEMA });
    const blobs = new MemoryBlobs();
    const key = keyNamed("holder");
    const spaceBytes = (): number => 2 ** 30;
    const holder = openHolder({ database, blobs, clock, random, key, spaceBytes, log: silent });
    const records = openRecordStore(database, clock);
    const hello = () => ({ protocol: 1, version: "0", offeredBytes: 1, freeBytes: 1 });
    const services = { holder, records, clock, log: silent, hello, cards: () => [] };
    await scene.net("holder").listen(createPeerHandler(services));
    const inventory = createInventory(database);
    scene.agent("holder", inventory, { introduce: createTicketDesk(holder, clock) });
    await scene.settle();

    const bytes = new Uint8Array(50_000).fill(9);
    const wish = {
      id: idOf(shardIdOf(bytes.length, leafHashes(bytes))),
      lengthBytes: bytes.length,
    };
    const directory = scene.client();
    const [to] = await directory.whereToUpload(wish.lengthBytes, never);
    assert.equal(to?.peer, peerNamed("holder"));
    const ticket = await directory.introduceMe({ peer: peerNamed("holder") }, wish, never);
    const net = scene.net("client");
    const certificate = certificateOf("client");
    const client = createPeerClient({ net, clock, account: ACCOUNT, certificate });
    const storing = client.storeShard(peerNamed("holder"), wish.id, ticket, bytes, never);
    await scene.clock.advance(1_000);
    assert.equal((await storing).shard, wish.id);
    await scene.clock.advance(3_000);
    const found = await directory.whoHas(wish.id, never);
    assert.deepEqual(
      found.map(({ peer }) => peer),
      [peerNamed("holder")],
    );
    const again = directory.introduceMe({ peer: peerNamed("holder") }, wish, never);
    await assert.rejects(again, { code: "PEER_REFUSED", refusal: "SHARD_HELD" });
    await holder.close();
    database.close();
  }));

test("a ticket is asked for with one's own certificate only", () =>
  withTrackers(async (scene) => {
    await scene.tracker();
    const asked: unknown[] = [];
    const holder = { reserve: (...words: unknown[]) => (asked.push(words), Promise.resolve([])) };
    const introduce = createTicketDesk(holder, scene.clock);
    scene.agent("a", new MemoryInventory(), { introduce });
    await scene.settle();
    const path = `/api/introduce-me?to=${peerNamed("a")}&hash=${hashNamed("x")}&size=5`;
    for (const [certificate, status] of [
      [undefined, 403],
      ["not base64!", 403],
      ["AAAA", 409],
      [Buffer.from(certificateOf("other")).toString("base64url"), 409],
    ] as const) {
      const headers = certificate === undefined ? {} : { "holdfast-certificate": certificate };
      const request = { method: "GET", path, headers } as const;
      const answer = await scene.net("client").request(peerNamed("tracker"), request, never);
      assert.equal(answer.status, status);
    }
    assert.deepEqual(asked, []);
  }));

test("requests that cannot be are refused with a code, also to who is no member", () =>
  withTrackers(async (scene) => {
    const tracker = await scene.tracker("tracker", async (request) => {
      const isGuest = request.query.has("guest");
      return tracker.handle(isGuest ? { ...request, standing: "guest" } : request);
    });
    const x = hashNamed("x");
    for (const [path, status, code] of [
      ["/api/who-has", 400, "REQUEST_MALFORMED"],
      ["/api/who-has?q=x", 400, "REQUEST_MALFORMED"],
      [`/api/who-has?q=${x}&guest=1`, 403, "MEMBERS_ONLY"],
      ["/api/where-to-upload", 400, "REQUEST_MALFORMED"],
      ["/api/where-to-upload?size=0", 400, "REQUEST_MALFORMED"],
      [`/api/where-to-upload?size=${2 ** 30}`, 400, "REQUEST_MALFORMED"],
      ["/api/where-to-upload?size=1e3", 400, "REQUEST_MALFORMED"],
      ["/api/where-to-upload?size=5&count=x", 400, "REQUEST_MALFORMED"],
      ["/api/introduce-me", 400, "REQUEST_MALFORMED"],
      [`/api/introduce-me?to=${x}@nowhere&hash=${x}&size=5`, 400, "REQUEST_MALFORMED"],
      [`/api/introduce-me?to=${x}&hash=${x}&size=5`, 404, "AGENT_UNKNOWN"],
      ["/api/peers?limit=all", 400, "REQUEST_MALFORMED"],
      ["/api/other", 404, "PATH_UNKNOWN"],
    ] as const) {
      const request = { method: "GET", path } as const;
      const answer = await scene.net("client").request(peerNamed("tracker"), request, never);
      assert.equal(answer.status, status, path);
      assert.match(Buffer.from(answer.body).toString(), new RegExp(`"code":"${code}"`));
    }
    const post = { method: "POST", path: "/api/peers" } as const;
    const posted = await scene.net("client").request(peerNamed("tracker"), post, never);
    assert.equal(posted.status, 405);
    await assert.rejects(scene.net("client").open(peerNamed("tracker"), "/api/x", never), {
      code: "PEER_REFUSED",
    });
  }));

test("where-to-upload spreads over sites and networks, and never names the asker", () =>
  withTrackers(async (scene) => {
    await scene.tracker();
    for (let i = 0; i < 6; i++) {
      scene.agent(`house ${i}`, new MemoryInventory(), { site: "house" });
      scene.agent(`other ${i}`, new MemoryInventory(), { site: `other ${i % 3}` });
    }
    scene.agent("full", new MemoryInventory(), { freeBytes: () => 99 });
    await scene.settle();
    const names = new Map(
      [...Array(6).keys()].flatMap((i) => [
        [peerNamed(`house ${i}`), "house"],
        [peerNamed(`other ${i}`), "other"],
      ]),
    );
    const asker = scene.client("other 5");
    const all = await asker.whereToUpload(100, never, 64);
    assert.equal(all.length, 11, "all but the asker and the full one");
    assert.ok(all.every(({ peer }) => names.has(peer) && peer !== peerNamed("other 5")));
    const some = await scene.client().whereToUpload(100, never, 4);
    assert.equal(some.length, 4);
    // Every agent of the in-memory network is seen in one /24, so the first is alone in it.
    const code = await scene.client().whereToUpload(100, never);
    assert.equal(code.length, 11, "as many as the code for 13 holders has shards");
  }));

test("cards of connected agents come signed, and their number is bounded", () =>
  withTrackers(async (scene) => {
    await scene.tracker();
    for (const name of ["a", "b", "c"]) scene.agent(name, new MemoryInventory());
    await scene.settle();
    const cards = await scene.client("a").peers(100, never);
    assert.deepEqual(
      cards.map(({ body }) => body.id).sort(),
      [peerNamed("b"), peerNamed("c")].sort(),
    );
    assert.equal((await scene.client().peers(2, never)).length, 2);
  }));

/** A tracker that answers everything in one way. */
async function liar(scene: TrackerScene, name: string, answer: PeerHandler): Promise<void> {
  await scene.net(name).listen(answer);
}

test("answers of several trackers are merged, and one that is gone does not matter", () =>
  withTrackers(async (scene) => {
    const one = await scene.tracker("one");
    await scene.tracker("two");
    scene.agent("a", new MemoryInventory(["x"]), { trackers: () => ["one"] });
    scene.agent("b", new MemoryInventory(["x"]), { trackers: () => ["two"] });
    scene.agent("both", new MemoryInventory(["x"]), { trackers: () => ["one", "two"] });
    await scene.settle();
    const client = scene.client("client", ["one", "two"]);
    const peers = (await client.whoHas(hashNamed("x"), never)).map(({ peer }) => peer);
    assert.deepEqual(peers.sort(), ["a", "b", "both"].map(peerNamed).sort());
    await one.stop();
    const left = (await client.whoHas(hashNamed("x"), never)).map(({ peer }) => peer);
    assert.deepEqual(left.sort(), ["b", "both"].map(peerNamed).sort());
  }));

const X = hashNamed("x");
const invented = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${hashNamed(`p ${i}`)}@10.0.0.1:1`);
const many = json({ addresses: invented(100_000) });
const LIES: readonly (readonly [name: string, answer: PeerHandler])[] = [
  ["100,000 peers", () => Promise.resolve(many)],
  ["1,000 peers", () => Promise.resolve(json({ addresses: invented(1_000) }))],
  ["nothing", () => Promise.resolve({ status: 200 })],
  ["no list", () => Promise.resolve(json({ addresses: "all" }))],
  ["null", () => Promise.resolve(json(null))],
  ["garbage", () => Promise.resolve({ status: 200, body: new Uint8Array(900).fill(0xfe) })],
  ["what is no address", () => Promise.resolve(json({ addresses: [1, null, "x", `${X}@`, {}] }))],
  ["an error with a strange code", () => Promise.resolve(json({ code: "\u001b[2J" }, 500))],
];
for (const [name, answer] of LIES) {
  test(`a tracker that answers ${name} pushes no other out`, () =>
    withTrackers(async (scene) => {
      await scene.tracker("honest");
      scene.agent("a", new MemoryInventory(["x"]), { trackers: () => ["honest"] });
      await liar(scene, "liar", answer);
      await scene.settle();
      const client = scene.client("client", ["liar", "honest"]);
      const found = await client.whoHas(X, never);
      assert.ok(found.slice(0, 2).some(({ peer }) => peer === peerNamed("a")));
      assert.ok(found.length <= WHO_HAS_ADDRESSES_MAX + 1);
      const where = await client.whereToUpload(100, never, 3);
      assert.ok(where.length <= 3 && where.some(({ peer }) => peer === peerNamed("a")));
      const cards = await client.peers(10, never);
      assert.deepEqual(
        cards.map(({ body }) => body.id),
        [peerNamed("a")],
      );
    }));
}

test("a tracker that gives no answer costs its time and nothing else", () =>
  withTrackers(async (scene) => {
    await scene.tracker("honest");
    scene.agent("a", new MemoryInventory(["x"]), { trackers: () => ["honest"] });
    await liar(scene, "liar", () => Promise.resolve(json({})));
    scene.network.setFault(peerNamed("liar"), { hang: true });
    await scene.settle();
    const asked = scene.client("client", ["liar", "honest"]).whoHas(X, never);
    await scene.clock.advance(TRACKER_ASKED_MS);
    assert.equal((await asked).length, 1);
  }));

test("an introduction key for something else is refused, and the next tracker is asked", () =>
  withTrackers(async (scene) => {
    const wish = { id: X, lengthBytes: 5 };
    const to = { peer: peerNamed("a") };
    for (const key of ["", "AAAA", Buffer.alloc(200).toString("base64url"), 7]) {
      await liar(scene, "liar", () => Promise.resolve(json({ "introduction-key": key })));
      const asked = scene.client("client", ["liar"]).introduceMe(to, wish, never);
      await assert.rejects(asked, { code: "ANSWER_MALFORMED" });
    }
    const { Signer } = await import("../../shards/tickets.ts");
    const signer = new Signer(keyNamed("a"), random);
    const nowMs = scene.clock.nowMs();
    const asker = { peer: peerNamed("client"), account: ACCOUNT };
    const others = [
      signer.ticket({ ...asker, peer: peerNamed("thief") }, wish, nowMs),
      signer.ticket({ ...asker, account: peerNamed("thief") }, wish, nowMs),
      signer.ticket(asker, { ...wish, lengthBytes: 6 }, nowMs),
      new Signer(keyNamed("liar"), random).ticket(asker, wish, nowMs),
    ];
    await liar(scene, "liar", () => {
      const ticket = others.shift() ?? new Uint8Array(0);
      return Promise.resolve(
        json({ "introduction-key": Buffer.from(ticket).toString("base64url") }),
      );
    });
    while (others.length > 0) {
      const asked = scene.client("client", ["liar"]).introduceMe(to, wish, never);
      await assert.rejects(asked, { code: "ANSWER_MALFORMED" });
    }
    await scene.tracker("honest");
    const introduce = () => Promise.resolve({ ticket: signer.ticket(asker, wish, nowMs) });
    scene.agent("a", new MemoryInventory(), { introduce, trackers: () => ["honest"] });
    await scene.settle();
    const ticket = await scene.client("client", ["liar", "honest"]).introduceMe(to, wish, never);
    assert.ok(ticket.length > 100);
    await assert.rejects(scene.client("client", []).introduceMe(to, wish, never), {
      code: "TRACKER_MISSING",
    });
  }));

test("an agent without an answer is AGENT_SILENT, one with a code passes it on", () =>
  withTrackers(async (scene) => {
    await scene.tracker();
    const silent = await scene.rawAgent("silent");
    await silent.present();
    const rude = await scene.rawAgent("rude");
    await rude.present();
    await scene.settle();
    const client = scene.client();
    const wish = { id: X, lengthBytes: 5 };
    const one = client.introduceMe({ peer: peerNamed("silent") }, wish, never);
    const failed = assert.rejects(one, { refusal: "AGENT_SILENT" });
    await scene.clock.advance(3_000);
    await failed;
    const request = silent.heard.find((line) => line.includes("INTRODUCTION_REQUEST")) ?? "";
    const words = request.split(" ");
    assert.match(words[2] ?? "", new RegExp(`^${peerNamed("client")}@10\\.`));
    assert.deepEqual(words.slice(3, 5), ["5", X]);
    const two = client.introduceMe({ peer: peerNamed("rude") }, wish, never);
    const refused = assert.rejects(two, { refusal: "SPACE_FULL" });
    await scene.settle();
    await rude.say("1 NONE SPACE_FULL");
    await refused;
  }));
