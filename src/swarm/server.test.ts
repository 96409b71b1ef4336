import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { patternOf } from "../../tests/contracts/blobs.ts";
import { blames, clientOf, recordOf, shardId, withScene } from "../../tests/support/swarm-peer.ts";
import { HOLDER_ID, keyOf } from "../../tests/support/tls-pair.ts";
import { systemClock } from "../adapters/clock.node.ts";
import { epochOf } from "../base/id.ts";

const never = new AbortController().signal;
const today = epochOf(Date.now());

describe("a client that does not show who it is", () => {
  const ask = async (headers: Record<string, string>): Promise<number> => {
    let status = 0;
    await withScene(async ({ net }) => {
      const request = { method: "GET", path: "/list", headers } as const;
      const response = await net.request(HOLDER_ID, request, never);
      status = response.status;
      assert.match(Buffer.from(response.body).toString(), /"code":"CERTIFICATE_REFUSED"/);
    });
    return status;
  };

  test("without a certificate it is refused", async () => assert.equal(await ask({}), 403));
  test("with garbage it is refused", async () =>
    assert.equal(await ask({ "holdfast-certificate": "AAAA" }), 403));

  test("with another peer's certificate it is refused", () =>
    withScene(async ({ net }) => {
      const thief = clientOf(net, systemClock, keyOf(77));
      await blames(thief.list(HOLDER_ID, undefined, never), "PEER_REFUSED");
    }));

  test("without a ticket, or with one of another shard, nothing is stored", () =>
    withScene(async ({ client }) => {
      const bytes = patternOf(100);
      const other = { id: shardId(patternOf(101)), lengthBytes: 101 };
      const [grant] = await client.reserve(HOLDER_ID, [other], never);
      const ticket = grant?.outcome === "granted" ? grant.ticket : new Uint8Array(0);
      for (const wrong of [new Uint8Array(0), new Uint8Array(100), ticket]) {
        const id = shardId(bytes);
        const storing = client.storeShard(HOLDER_ID, id, wrong, bytes, never);
        await blames(storing, "PEER_REFUSED");
        assert.deepEqual(await client.have(HOLDER_ID, [id], never), [false]);
      }
    }));
});

describe("paths and methods", () => {
  const id = "a".repeat(52);
  const cases: [method: "GET" | "POST", path: string, status: number][] = [
    ["GET", "/", 404],
    ["GET", "/v1/shards/", 404],
    ["GET", "/v1/shards/nonsense", 404],
    ["GET", `/v1/shards/${id}/x`, 404],
    ["GET", `/v2/shards/${id}`, 404],
    ["POST", "/list", 405],
    ["GET", "/v1/tickets", 405],
    ["GET", "/v1/have", 405],
    ["POST", "/v1/hello", 405],
    ["GET", `/v1/records/${id}`, 404],
    ["POST", `/v1/records/${id}`, 400],
    ["GET", "/__proto__", 404],
  ];
  for (const [method, path, status] of cases) {
    test(`${method} ${path} gets ${status}`, () =>
      withScene(async ({ net }) => {
        const response = await net.request(HOLDER_ID, { method, path }, never);
        assert.equal(response.status, status);
        const error = JSON.parse(Buffer.from(response.body).toString()) as Record<string, unknown>;
        assert.equal(typeof error["code"], "string");
      }));
  }
});

test("records that are expired or too far ahead are refused", () =>
  withScene(async ({ client }) => {
    for (const expires of [today - 1, today + 900]) {
      const record = recordOf(keyOf(60), 1n, "x", expires);
      await assert.rejects(client.writeRecord(HOLDER_ID, record, never), {
        refusal: "RECORD_REFUSED",
      });
    }
  }));
