import assert from "node:assert/strict";
import { test } from "node:test";
import { netContract } from "../../tests/contracts/net.ts";
import { systemClock } from "./clock.node.ts";
import { createMemoryNetwork } from "./net-memory.ts";

netContract("memory", async (handler) => {
  const network = createMemoryNetwork(systemClock);
  const owner = { id: "owner", net: network.net("owner") };
  const holder = { id: "holder", net: network.net("holder") };
  await holder.net.listen(handler);
  return { owner, holder, stranger: "stranger" };
});

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
