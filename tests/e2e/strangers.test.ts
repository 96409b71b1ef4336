// Whoever is not in the swarm, shows no certificate, or has no ticket, at a real daemon's port.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { decodeKeyFile } from "../../src/account/key-file.ts";
import { systemClock } from "../../src/adapters/clock.node.ts";
import { openTlsNet } from "../../src/adapters/tls/net.ts";
import { base64UrlEncode } from "../../src/base/base64url.ts";
import { codeOf } from "../../src/base/error.ts";
import { idOf } from "../../src/base/id.ts";
import { signingKeyOf } from "../../src/crypto/sign.node.ts";
import type { SigningKey } from "../../src/crypto/sign.node.ts";
import { signCertificate } from "../../src/object/certificate.ts";
import type { Net, PeerRequest } from "../../src/ports/net.ts";
import { createMemoryDirectory } from "../../src/swarm/peer-list.ts";
import { shardId } from "../support/swarm-peer.ts";
import { heldBy } from "./damage.ts";
import { TestSwarm, writeRandom } from "./harness.ts";
import type { TestPeer } from "./harness.ts";
import { fixedSwarmKeys } from "../../src/ports/swarm-keys.ts";

const never = new AbortController().signal;
const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) };
let swarm: TestSwarm;
let holder: TestPeer;
const nets: Net[] = [];

before(async () => {
  swarm = await TestSwarm.demo("strangers", 2);
  const [first] = swarm.peers;
  assert.ok(first !== undefined);
  holder = first;
  writeRandom(swarm.path("file"), 500_000);
  await swarm.ask("put", swarm.path("file"), "/file");
});
after(async () => {
  for (const net of nets) await net.close();
  await swarm.stop();
});

/** All that comes back for some bytes until the connection is closed. */
async function poke(bytes: Uint8Array): Promise<Buffer> {
  const socket = connect(holder.port, "127.0.0.1");
  const parts: Buffer[] = [];
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => undefined).on("data", (part: Buffer) => parts.push(part));
  socket.write(bytes);
  await closed;
  return Buffer.concat(parts);
}

function swarmKey(): Uint8Array {
  const file = readFileSync(join(swarm.owner.home, "keys", "swarm.key"));
  return decodeKeyFile("swarm.key", file, 32);
}

function netOf(key: SigningKey, knockKey: Uint8Array): Net {
  const directory = createMemoryDirectory([
    { id: holder.id, addresses: [`127.0.0.1:${holder.port}`], offeredBytes: 1 },
  ]);
  const log = { write: () => undefined };
  const swarmKeys = fixedSwarmKeys(knockKey);
  const net = openTlsNet({ key, swarmKeys, directory, clock: systemClock, random, log });
  nets.push(net);
  return net;
}

function newKey(): SigningKey {
  return signingKeyOf(random.bytes(32));
}

/** A header that certifies `device` for an account of its own. */
function certificateOf(device: SigningKey): Record<string, string> {
  const root = newKey();
  const certificate = signCertificate(root, {
    account: idOf(root.publicKey),
    peer: idOf(device.publicKey),
    agreementKey: new Uint8Array(32),
    name: "stranger",
    number: 1,
  });
  return { "holdfast-certificate": base64UrlEncode(certificate) };
}

async function refusalOf(net: Net, request: PeerRequest): Promise<string> {
  const answer = await net.request(holder.id, request, never);
  assert.ok(answer.status >= 400, `${request.path}: ${answer.status}`);
  return (JSON.parse(Buffer.from(answer.body).toString()) as { code: string }).code;
}

test("whoever does not knock gets no byte and no reason", async () => {
  const hello = Buffer.from("GET /v1/hello HTTP/1.1\r\nhost: a.stranger.example\r\n\r\n");
  for (const bytes of [hello, Buffer.alloc(200), random.bytes(40), random.bytes(4_000)]) {
    assert.equal((await poke(bytes)).length, 0);
  }
});

test("whoever knocks with another swarm's key does not get in", async () => {
  const net = netOf(newKey(), random.bytes(32));
  await assert.rejects(
    net.request(holder.id, { method: "GET", path: "/v1/hello" }, never),
    (error) => String(codeOf(error)).startsWith("PEER_"),
  );
});

test("a member without a certificate, or with somebody else's, gets no shard and no ticket", async () => {
  const [shard] = heldBy(holder).keys();
  assert.ok(shard !== undefined);
  const key = newKey();
  const net = netOf(key, swarmKey());
  const path = `/v1/shards/${shard}`;
  assert.equal(await refusalOf(net, { method: "GET", path }), "CERTIFICATE_REFUSED");
  for (const headers of [
    certificateOf(newKey()),
    { "holdfast-certificate": "garbage!" },
    { "holdfast-certificate": base64UrlEncode(random.bytes(300)) },
  ]) {
    assert.equal(await refusalOf(net, { method: "GET", path, headers }), "CERTIFICATE_REFUSED");
  }
});

test("another account gets no shard of ours, and learns nothing of it", async () => {
  const [shard] = heldBy(holder).keys();
  const key = newKey();
  const headers = certificateOf(key);
  const net = netOf(key, swarmKey());
  const ours = await refusalOf(net, { method: "GET", path: `/v1/shards/${shard}`, headers });
  const none = await refusalOf(net, { method: "GET", path: `/v1/shards/${holder.id}`, headers });
  assert.deepEqual([ours, none], ["SHARD_MISSING", "SHARD_MISSING"]);
  const list = await net.request(holder.id, { method: "GET", path: "/list", headers }, never);
  assert.deepEqual((JSON.parse(Buffer.from(list.body).toString()) as { ids: string[] }).ids, []);
});

test("nobody stores without a ticket", async () => {
  const key = newKey();
  const headers = certificateOf(key);
  const net = netOf(key, swarmKey());
  const body = random.bytes(70_000);
  const path = `/v1/shards/${shardId(body)}`;
  const before = heldBy(holder).size;
  assert.equal(await refusalOf(net, { method: "POST", path, headers, body }), "REQUEST_MALFORMED");
  const ticket = base64UrlEncode(random.bytes(200));
  const forged = { ...headers, "holdfast-ticket": ticket };
  assert.equal(
    await refusalOf(net, { method: "POST", path, headers: forged, body }),
    "TICKET_INVALID",
  );
  assert.equal(heldBy(holder).size, before);
});

test("the daemon serves on after all of this", async () => {
  const { stdout } = await swarm.run("peers", "--probe");
  assert.match(stdout, new RegExp(`${holder.id.slice(0, 10)} .*there`));
  const ran = await swarm.run("get", "/file", swarm.path("again"), "--peers-only");
  assert.equal(ran.status, 0, ran.stderr);
});
