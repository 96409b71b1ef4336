import assert from "node:assert/strict";
import { systemClock } from "../../src/adapters/clock.node.ts";
import { createMemoryNetwork, type MemoryNetwork } from "../../src/adapters/net-memory.ts";
import { MemoryBlobs } from "../../src/adapters/blobs-memory.ts";
import { openDatabase } from "../../src/adapters/database.node.ts";
import { idOf, type AccountId, type PeerId, type ShardId } from "../../src/base/id.ts";
import { leafHashes, shardIdOf } from "../../src/crypto/hash.node.ts";
import { sign, type SigningKey } from "../../src/crypto/sign.node.ts";
import { recordSignedBytes, type RecordEntry } from "../../src/codec/record.ts";
import { signCertificate } from "../../src/object/certificate.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Net } from "../../src/ports/net.ts";
import { openHolder, type HolderStore } from "../../src/shards/holder.ts";
import { HOLDER_SCHEMA } from "../../src/shards/schema.ts";
import { signCard } from "../../src/swarm/card-book.ts";
import { createPeerClient, type PeerClient } from "../../src/swarm/client.ts";
import type { Membership } from "../../src/swarm/membership/membership.ts";
import { openRecordStore, type RecordStore } from "../../src/swarm/records.ts";
import { createPeerHandler } from "../../src/swarm/server.ts";
import { HOLDER, HOLDER_ID, keyOf, OWNER, random, silent } from "./tls-pair.ts";

/** The id of a shard's bytes. */
export function shardId(bytes: Uint8Array): ShardId {
  return idOf(shardIdOf(bytes.length, leafHashes(bytes)));
}

/** A holder that listens on `net`: real shard store, real records, in memory. */
export interface HolderPeer {
  id: PeerId;
  holder: HolderStore;
  records: RecordStore;
  blobs: MemoryBlobs;
  close(): Promise<void>;
}

/** Opens the holder's side of the peer with `key` and serves it. */
export async function openHolderPeer(
  key: SigningKey,
  net: Net,
  clock: Clock,
  membership?: Membership,
): Promise<HolderPeer> {
  const database = openDatabase(":memory:", { schema: HOLDER_SCHEMA });
  const blobs = new MemoryBlobs();
  const parts = { database, blobs, clock, random, key, spaceBytes: () => 2 ** 30, log: silent };
  const holder = openHolder(parts);
  const records = openRecordStore(database, clock);
  const id = idOf(key.publicKey);
  const card = { id, addresses: ["127.0.0.1:1"], offeredBytes: 2 ** 30, protocol: 1 } as const;
  const handler = createPeerHandler({
    holder,
    records,
    clock,
    log: silent,
    hello: () => ({ protocol: 1, version: "0", offeredBytes: 2 ** 30, freeBytes: 2 ** 29 }),
    cards: () => [signCard(key, { ...card, timeMs: clock.nowMs() })],
    ...(membership === undefined ? {} : { membership }),
  });
  await net.listen(handler);
  return {
    id,
    holder,
    records,
    blobs,
    async close() {
      await net.close();
      await holder.close();
      database.close();
    },
  };
}

/** A client of the account with the root key `root`, on the device with `key`. */
export function clientOf(
  net: Net,
  clock: Clock,
  key: SigningKey,
  root: SigningKey = keyOf(200),
): PeerClient & { account: AccountId } {
  const account = idOf(root.publicKey);
  const certificate = signCertificate(root, {
    account,
    peer: idOf(key.publicKey),
    agreementKey: new Uint8Array(32),
    name: "test",
    number: 1,
  });
  return Object.assign(createPeerClient({ net, clock, account, certificate }), { account });
}

/** A signed record. */
export function recordOf(
  key: SigningKey,
  number: bigint,
  text: string,
  expires: number,
): RecordEntry {
  const entry = {
    key: idOf(key.publicKey),
    number,
    expires,
    value: new TextEncoder().encode(text),
  };
  return { ...entry, signature: sign("record", key, recordSignedBytes(entry)) };
}

const never = new AbortController().signal;

/** An owner's client and a real holder on the in-memory carrier. */
export interface Scene {
  client: PeerClient & { account: string };
  peer: HolderPeer;
  net: Net;
  network: MemoryNetwork;
}

/** Runs `work` with an owner and a holder. */
export async function withScene(work: (scene: Scene) => Promise<void>): Promise<void> {
  const network = createMemoryNetwork(systemClock);
  const net = network.net(idOf(OWNER.publicKey));
  const peer = await openHolderPeer(HOLDER, network.net(HOLDER_ID), systemClock);
  try {
    await work({ client: clientOf(net, systemClock, OWNER), peer, net, network });
  } finally {
    await peer.close();
  }
}

/** Uploads a shard as an owner does; returns its id. */
export async function store(client: PeerClient, bytes: Uint8Array): Promise<string> {
  const id = shardId(bytes);
  const wish = { id, lengthBytes: bytes.length };
  const [grant] = await client.reserve(HOLDER_ID, [wish], never);
  assert.equal(grant?.outcome, "granted");
  if (grant?.outcome !== "granted") return id;
  const receipt = await client.storeShard(HOLDER_ID, id, grant.ticket, bytes, never);
  assert.equal(receipt.shard, id);
  return id;
}

/** Rejects with a code, and names the peer. */
export function blames(asked: Promise<unknown>, code: string): Promise<void> {
  return assert.rejects(asked, (error: unknown) => {
    assert.ok(error instanceof Error);
    assert.equal((error as { code?: string }).code, code, error.message);
    assert.ok(error.message.includes(HOLDER_ID), error.message);
    return true;
  });
}
