import assert from "node:assert/strict";
import { test } from "node:test";
import { streamContract } from "../../tests/contracts/net-streams.ts";
import { netContract, type OpenNetPair } from "../../tests/contracts/net.ts";
import type { PeerStream } from "../ports/net.ts";
import { systemClock } from "./clock.node.ts";
import { createMemoryNetwork } from "./net-memory.ts";

const openPair: OpenNetPair = async (handler, streams) => {
  const network = createMemoryNetwork(systemClock);
  const owner = { id: "owner", net: network.net("owner") };
  const holder = { id: "holder", net: network.net("holder") };
  await holder.net.listen(handler, streams);
  return { owner, holder, stranger: "stranger" };
};
netContract("memory", openPair);
streamContract("memory", openPair);

test("faults spoil answers as they say", async () => {
  const network = createMemoryNetwork(systemClock);
  const owner = network.net("owner");
  const body = Uint8Array.of(1, 2, 3);
  await network.net("holder").listen(() => Promise.resolve({ status: 200, body }));
  const get = { method: "GET", path: "/", bodyMaxBytes: 8 } as const;
  const ask = async (): Promise<number[]> => [
    ...(await owner.request("holder", get, new AbortController().signal)).body,
  ];
  network.setFault("holder", { flip: true });
  assert.deepEqual(await ask(), [1, 3, 3]);
  network.setFault("holder", { truncateBytes: 2 });
  assert.deepEqual(await ask(), [1]);
  network.setFault("holder", { oversizeBytes: 100 });
  await assert.rejects(ask(), { code: "PEER_BROKE_PROTOCOL" });
  network.setFault("holder", { drop: "after" });
  await assert.rejects(ask(), { code: "PEER_UNREACHABLE" });
  network.setFault("holder");
  assert.deepEqual(await ask(), [1, 2, 3]);
});

test("breakStreams() breaks a peer's streams and nobody else's", async () => {
  const network = createMemoryNetwork(systemClock);
  const ends: PeerStream[] = [];
  const take = (): Promise<(stream: PeerStream) => void> =>
    Promise.resolve((stream) => void ends.push(stream));
  await network.net("holder").listen(() => Promise.resolve({ status: 200 }), take);
  const a = await network.net("a").open("holder", "/", new AbortController().signal);
  const b = await network.net("b").open("holder", "/", new AbortController().signal);
  network.breakStreams("a");
  await a.closed;
  await assert.rejects(a.write(Uint8Array.of(1)), { code: "PEER_UNREACHABLE" });
  await b.write(Uint8Array.of(1));
  assert.equal(ends[1]?.peer, "b");
});
