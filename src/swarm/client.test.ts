import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { patternOf } from "../../tests/contracts/blobs.ts";
import {
  blames,
  clientOf,
  openHolderPeer,
  recordOf,
  shardId,
  store,
  withScene,
} from "../../tests/support/swarm-peer.ts";
import {
  directoryOf,
  HOLDER,
  HOLDER_ID,
  keyOf,
  netOf,
  OWNER,
} from "../../tests/support/tls-pair.ts";
import { systemClock } from "../adapters/clock.node.ts";
import { compareBytes } from "../base/bytes.ts";
import { epochOf, idBytes, idOf } from "../base/id.ts";
import { LEAF_BYTES, SHARD_ROW_MAX_BYTES } from "../base/limits.ts";
import { encodeRecord } from "../codec/record.ts";
import { encodeReceipt } from "../codec/receipt.ts";
import { signEnvelope } from "../crypto/envelope.ts";
import type { Net, PeerRequest } from "../ports/net.ts";
import type { PeerClient } from "./client.ts";
import { createMemoryDirectory } from "./peer-list.ts";
import { encodeGrants, encodeKept } from "./wire.ts";

const never = new AbortController().signal;
const today = epochOf(Date.now());

/** What a holder that answers every request with `body` makes the client say. */
function lying(body: Uint8Array, status = 200): PeerClient & { account: string } {
  const net: Net = {
    request: (_peer: string, { into }: PeerRequest) => {
      into?.set(body);
      return Promise.resolve({ status, headers: {}, body: into?.subarray(0, body.length) ?? body });
    },
    open: () => Promise.reject(new Error("no streams")),
    carrierOf: () => undefined,
    listen: () => Promise.resolve({ port: 0 }),
    close: () => Promise.resolve(),
  };
  return clientOf(net, systemClock, OWNER);
}

test("a shard goes over TLS and comes back, whole and in a proven range", async () => {
  const holderNet = netOf(HOLDER, createMemoryDirectory());
  let port = 0;
  const listening: Net = {
    ...holderNet,
    listen: async (handler) => {
      const bound = await holderNet.listen(handler);
      port = bound.port;
      return bound;
    },
  };
  const peer = await openHolderPeer(HOLDER, listening, systemClock);
  const net = netOf(OWNER, directoryOf(HOLDER_ID, port));
  const client = clientOf(net, systemClock, OWNER);
  const bytes = patternOf(3_355_444);
  const id = await store(client, bytes);
  const into = new Uint8Array(new SharedArrayBuffer(bytes.length));
  await client.readShard(HOLDER_ID, id, into, never);
  assert.deepEqual(Buffer.from(into.slice()), Buffer.from(bytes));
  const range = { start: 1_000_000, end: 1_100_000, lengthBytes: bytes.length };
  const part = await client.readRange(HOLDER_ID, id, range, never);
  assert.deepEqual(Buffer.from(part), Buffer.from(bytes.subarray(1_000_000, 1_100_000)));
  await net.close();
  await peer.close();
});

describe("client and server", () => {
  const sizes = [
    1,
    LEAF_BYTES,
    LEAF_BYTES + 1,
    SHARD_ROW_MAX_BYTES,
    SHARD_ROW_MAX_BYTES + 1,
    3_355_444,
  ];

  for (const size of sizes) {
    test(`a shard of ${size} bytes is stored, read whole and in proven ranges`, () =>
      withScene(async ({ client }) => {
        const bytes = patternOf(size, size);
        const id = await store(client, bytes);
        const into = new Uint8Array(new SharedArrayBuffer(size));
        const got = await client.readShard(HOLDER_ID, id, into, never);
        assert.deepEqual(Buffer.from(got.slice()), Buffer.from(bytes));
        const borders = [0, 1, LEAF_BYTES - 1, LEAF_BYTES, size >> 1, size - 1];
        for (const start of borders.filter((border) => border >= 0 && border < size)) {
          for (const end of [start + 1, Math.min(size, start + LEAF_BYTES + 1), size]) {
            const range = { start, end, lengthBytes: size };
            const part = await client.readRange(HOLDER_ID, id, range, never);
            assert.deepEqual(Buffer.from(part), Buffer.from(bytes.subarray(start, end)));
          }
        }
      }));
  }

  test("reserve() grants, says what is held already, and refuses", () =>
    withScene(async ({ client }) => {
      const bytes = patternOf(100);
      const id = await store(client, bytes);
      const wishes = [
        { id, lengthBytes: 100 },
        { id: shardId(patternOf(50)), lengthBytes: 50 },
        { id: shardId(patternOf(51)), lengthBytes: 0 },
      ];
      const grants = await client.reserve(HOLDER_ID, wishes, never);
      assert.deepEqual(
        grants.map(({ outcome }) => outcome),
        ["held", "granted", "refused"],
      );
    }));

  test("have() and list() tell what is held for the account, and nothing of others", () =>
    withScene(async ({ client, net }) => {
      const ids = [];
      for (const size of [10, 20, 30]) ids.push(await store(client, patternOf(size)));
      const unknown = shardId(patternOf(40));
      const asked = [...ids, unknown];
      assert.deepEqual(await client.have(HOLDER_ID, asked, never), [true, true, true, false]);
      const listed = await client.list(HOLDER_ID, undefined, never);
      const sorted = ids.map(idBytes).sort(compareBytes).map(idOf);
      assert.deepEqual(listed, { ids: sorted, more: false });
      const later = await client.list(HOLDER_ID, sorted[0], never);
      assert.deepEqual(later, { ids: sorted.slice(1), more: false });
      const stranger = clientOf(net, systemClock, OWNER, keyOf(201));
      assert.deepEqual(await stranger.have(HOLDER_ID, asked, never), [false, false, false, false]);
      const [first = ""] = ids;
      const reading = stranger.readShard(HOLDER_ID, first, new Uint8Array(10), never);
      await blames(reading, "SHARD_NOT_HELD");
    }));

  test("hello() and peers() say who is there", () =>
    withScene(async ({ client }) => {
      const hello = await client.hello(HOLDER_ID, never);
      assert.equal(hello.freeBytes, 2 ** 29);
      const [card] = await client.peers(HOLDER_ID, never);
      assert.equal(card?.id, HOLDER_ID);
    }));

  test("a record is kept, and of two values of one number both come back", () =>
    withScene(async ({ client }) => {
      const key = keyOf(50);
      const first = recordOf(key, 7n, "a", today + 400);
      assert.deepEqual((await client.readRecord(HOLDER_ID, first.key, never)).records, []);
      assert.equal((await client.writeRecord(HOLDER_ID, first, never)).outcome, "kept");
      const older = recordOf(key, 6n, "old", today + 400);
      const refused = await client.writeRecord(HOLDER_ID, older, never);
      assert.equal(refused.outcome, "newer");
      assert.equal(refused.records[0]?.number, 7n);
      const fork = recordOf(key, 7n, "b", today + 400);
      assert.equal((await client.writeRecord(HOLDER_ID, fork, never)).outcome, "forked");
      const { records } = await client.readRecord(HOLDER_ID, first.key, never);
      assert.equal(records.length, 2);
    }));
});

describe("a holder that lies", () => {
  const bytes = patternOf(5 * LEAF_BYTES + 7);
  const id = shardId(bytes);
  const range = { start: LEAF_BYTES, end: 2 * LEAF_BYTES, lengthBytes: bytes.length };

  test("flipped, truncated and swapped bytes are forged", () =>
    withScene(async ({ client, network }) => {
      await store(client, bytes);
      const read = (): Promise<unknown> =>
        client.readShard(HOLDER_ID, id, new Uint8Array(bytes.length), never);
      const readRange = (): Promise<unknown> => client.readRange(HOLDER_ID, id, range, never);
      for (const fault of [{ flip: true }, { truncateBytes: 1 }, { truncateBytes: 10 ** 6 }]) {
        network.setFault(HOLDER_ID, fault);
        await blames(read(), "SHARD_FORGED");
        await blames(readRange(), "SHARD_FORGED");
      }
      network.setFault(HOLDER_ID, { oversizeBytes: 1 });
      await blames(read(), "PEER_BROKE_PROTOCOL");
      network.setFault(HOLDER_ID);
      await read();
    }));

  test("every flipped byte of a proof is noticed", async () => {
    const small = patternOf(LEAF_BYTES + 40);
    await withScene(async ({ client, net }) => {
      const smallId = await store(client, small);
      const wanted = { start: LEAF_BYTES, end: LEAF_BYTES + 40, lengthBytes: small.length };
      // The honest proof, as the client gets it.
      let proof = new Uint8Array(0);
      const spy: Net = {
        ...net,
        request: async (peer, request, signal) => {
          const response = await net.request(peer, request, signal);
          proof = response.body.slice();
          return response;
        },
      };
      await clientOf(spy, systemClock, OWNER).readRange(HOLDER_ID, smallId, wanted, never);
      assert.equal(proof.length, 8 + 64 + 40);
      for (let at = 0; at < proof.length; at++) {
        const flipped = proof.map((byte, index) => (index === at ? byte ^ 4 : byte));
        const reading = lying(flipped).readRange(HOLDER_ID, smallId, wanted, never);
        await blames(reading, "SHARD_FORGED");
      }
    });
  });

  test("a receipt of somebody else, for something else, or none is forged", async () => {
    const { account } = lying(new Uint8Array(0));
    const receipt = {
      holder: HOLDER_ID,
      account,
      shard: id,
      lengthBytes: bytes.length,
      epoch: today,
      leaseUntilEpoch: today + 30,
    };
    const good = signEnvelope("receipt", HOLDER, encodeReceipt(receipt));
    const storing = (answer: Uint8Array): Promise<unknown> =>
      lying(answer, 201).storeShard(HOLDER_ID, id, new Uint8Array(1), bytes, never);
    await storing(good);
    const wrong = [
      { ...receipt, shard: shardId(patternOf(3)) },
      { ...receipt, lengthBytes: 1 },
      { ...receipt, account: HOLDER_ID },
    ].map((body) => signEnvelope("receipt", HOLDER, encodeReceipt(body)));
    wrong.push(signEnvelope("receipt", OWNER, encodeReceipt(receipt)));
    wrong.push(signEnvelope("ticket", HOLDER, encodeReceipt(receipt)));
    wrong.push(new Uint8Array(0), good.subarray(1));
    for (const answer of wrong) await blames(storing(answer), "RECEIPT_FORGED");
    const wish = { id, lengthBytes: bytes.length };
    const held = encodeGrants([{ id, outcome: "held", receipt: good.subarray(1) }]);
    await blames(lying(held).reserve(HOLDER_ID, [wish], never), "RECEIPT_FORGED");
  });

  test("a record that its key did not sign, or of another key, is forged", async () => {
    const record = recordOf(keyOf(50), 1n, "x", today + 400);
    const other = recordOf(keyOf(51), 1n, "x", today + 400);
    const unsigned = encodeRecord({ ...record, number: 9n });
    for (const bad of [unsigned, encodeRecord(other)]) {
      const reading = lying(encodeKept("kept", [bad])).readRecord(HOLDER_ID, record.key, never);
      await blames(reading, "RECORD_FORGED");
    }
    const none = lying(encodeKept("kept", [])).readRecord(HOLDER_ID, record.key, never);
    await blames(none, "ANSWER_MALFORMED");
  });

  test("answers of another form are malformed", async () => {
    const text = (value: string): PeerClient => lying(Buffer.from(value));
    const two = [shardId(patternOf(1)), shardId(patternOf(2))];
    two.sort((a, b) => compareBytes(idBytes(a), idBytes(b)));
    const bad = [
      "",
      "{",
      "[]",
      "null",
      "{}",
      `{"ids":["x"],"more":false}`,
      `{"ids":[],"more":true}`,
    ];
    bad.push(JSON.stringify({ ids: two.reverse(), more: false }));
    for (const answer of bad) {
      await blames(text(answer).list(HOLDER_ID, undefined, never), "ANSWER_MALFORMED");
    }
    await blames(text("{}").hello(HOLDER_ID, never), "ANSWER_MALFORMED");
    await blames(text("x").peers(HOLDER_ID, never), "ANSWER_MALFORMED");
    await blames(text("xx").have(HOLDER_ID, two, never), "ANSWER_MALFORMED");
    const wish = { id, lengthBytes: 1 };
    await blames(text("").reserve(HOLDER_ID, [wish], never), "ANSWER_MALFORMED");
    await blames(lying(encodeGrants([])).reserve(HOLDER_ID, [wish], never), "ANSWER_MALFORMED");
  });

  test("a refusal's text cannot carry control characters", async () => {
    const body = JSON.stringify({
      code: "\u001b[2J",
      message: `\u001b[31mred${"x".repeat(9_999)}`,
    });
    const asked = lying(Buffer.from(body), 500).hello(HOLDER_ID, never);
    await assert.rejects(asked, (error: Error) => {
      assert.doesNotMatch(error.message, /\p{Cc}/u);
      assert.ok(error.message.length < 400);
      return true;
    });
  });
});

test("a shard that breaks on the holder's disk is refused with a code, and no longer held", () =>
  withScene(async ({ client, peer }) => {
    const bytes = patternOf(SHARD_ROW_MAX_BYTES * 3);
    const id = await store(client, bytes);
    await peer.blobs.remove(id);
    const reading = client.readShard(HOLDER_ID, id, new Uint8Array(bytes.length), never);
    await assert.rejects(reading, { code: /^(PEER_REFUSED|SHARD_NOT_HELD)$/ });
    assert.deepEqual(await client.have(HOLDER_ID, [id], never), [false]);
  }));
