import assert from "node:assert/strict";
import { test } from "node:test";
import {
  directoryOf,
  HOLDER,
  HOLDER_ID,
  keyOf,
  netOf,
  OWNER,
  OWNER_ID,
  random,
  silent,
  SWARM_KEY,
} from "../../../tests/support/tls-pair.ts";
import type { PeerHandler } from "../../ports/net.ts";
import { fixedSwarmKeys } from "../../ports/swarm-keys.ts";
import { createMemoryDirectory } from "../../swarm/peer-list.ts";
import { systemClock } from "../clock.node.ts";
import { NetError } from "../net-error.ts";
import { openDirectCarrier } from "../tls/carrier.ts";
import type { Carrier } from "./carrier.ts";
import { openNet } from "./net.ts";
import { SESSION_BOUNDS, SESSION_TIMES, type SessionTimes } from "./options.ts";
import { createUpgrades } from "./upgrade.ts";

const never = new AbortController().signal;

/** An owner with a worse way to the holder, which works at once, and a better one, which works only
 * while `open` says so. Both are real sessions. */
async function sceneOf(
  handler: PeerHandler,
  wanted: Partial<SessionTimes> = {},
): Promise<{
  net: ReturnType<typeof openNet>;
  port: number;
  open: { better: boolean };
  close: () => Promise<void>;
}> {
  const holder = netOf(HOLDER, createMemoryDirectory());
  const { port } = await holder.listen(handler);
  const times = { ...SESSION_TIMES, betterMs: 5, ...wanted };
  const real = openDirectCarrier({
    key: OWNER,
    swarmKeys: fixedSwarmKeys(SWARM_KEY),
    directory: directoryOf(HOLDER_ID, port),
    clock: systemClock,
    random,
    log: silent,
    host: "127.0.0.1",
  });
  const open = { better: false };
  const better: Carrier = {
    ...real,
    dial: (peer, signal) =>
      open.better
        ? real.dial(peer, signal)
        : Promise.reject(new NetError("PEER_UNREACHABLE", "not now")),
  };
  const worse: Carrier = { ...real, kind: "relayed", listen: () => Promise.resolve() };
  const net = openNet({
    self: OWNER_ID,
    carriers: [better, worse],
    upgrades: createUpgrades(real, times.answerMs),
    port: () => real.port,
    log: silent,
    times,
    bounds: SESSION_BOUNDS,
  });
  return {
    net,
    port,
    open,
    close: async () => {
      await net.close();
      await holder.close();
    },
  };
}

test("a better carrier takes over without cutting the request in flight", async () => {
  const arrived = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const { net, open, close } = await sceneOf(async ({ path }) => {
    if (path === "/slow") {
      arrived.resolve();
      await release.promise;
    }
    return { status: 200, body: new TextEncoder().encode(path) };
  });
  try {
    const slow = net.request(HOLDER_ID, { method: "GET", path: "/slow" }, never);
    await arrived.promise;
    assert.equal(net.carrierOf(HOLDER_ID), "relayed");
    open.better = true;
    while (net.carrierOf(HOLDER_ID) !== "direct") await new Promise(setImmediate);
    const quick = await net.request(HOLDER_ID, { method: "GET", path: "/quick" }, never);
    assert.equal(quick.status, 200);
    release.resolve();
    assert.equal(new TextDecoder().decode((await slow).body), "/slow");
    assert.equal(net.carrierOf(HOLDER_ID), "direct");
  } finally {
    await close();
  }
});

test("when the better carrier breaks, the worse one serves again", async () => {
  const { net, open, close } = await sceneOf(() => Promise.resolve({ status: 200 }));
  try {
    const get = { method: "GET", path: "/" } as const;
    open.better = true;
    await net.request(HOLDER_ID, get, never);
    assert.equal(net.carrierOf(HOLDER_ID), "direct");
    open.better = false;
    net.retire();
    assert.equal((await net.request(HOLDER_ID, get, never)).status, 200);
    assert.equal(net.carrierOf(HOLDER_ID), "relayed");
  } finally {
    await close();
  }
});

test("the last session that is not direct idles for longer than direct ones", async () => {
  const times = { idleMs: 5, quietIdleMs: 60_000, betterMs: 60_000 };
  const { net, port, close } = await sceneOf(() => Promise.resolve({ status: 200 }), times);
  const other = netOf(keyOf(3), directoryOf(HOLDER_ID, port), { times });
  try {
    const get = { method: "GET", path: "/" } as const;
    await net.request(HOLDER_ID, get, never);
    await other.request(HOLDER_ID, get, never);
    while (other.carrierOf(HOLDER_ID) !== undefined) await new Promise(setImmediate);
    assert.equal(net.carrierOf(HOLDER_ID), "relayed");
  } finally {
    await other.close();
    await close();
  }
});
