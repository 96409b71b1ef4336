import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import {
  openReachPeer,
  openRelay,
  until,
  type ReachPeer,
  type RelayFixture,
} from "../../../tests/support/relay-swarm.ts";
import { keyOf, random, silent } from "../../../tests/support/tls-pair.ts";
import { DAY_MS, idOf, type PeerId } from "../../base/id.ts";
import { KIB, MIB } from "../../base/limits.ts";
import { MemoryClock } from "../clock-memory.ts";
import type { StreamTaker, Upgrader } from "../net/upgrade.ts";
import { RELAY_LIMITS, type RelayLimits } from "./limits.ts";
import { leadPath, takePath, WAIT_PATH } from "./paths.ts";
import { openRelayServer } from "./server.ts";

const never = new AbortController().signal;
const bounded = { timeout: 60_000 };
const refused = (code: string) => ({ code: "PEER_REFUSED", message: new RegExp(code) });

interface Stage {
  relay: RelayFixture;
  clock: MemoryClock;
  /** Opens a peer that keeps what comes over the relay raw, and does not wait there by itself. */
  peer: (number: number) => Promise<ReachPeer>;
  /** Opens one that waits at the relay. */
  home: (number: number) => Promise<ReachPeer>;
}

/** A relay whose time stands still, and real peers around it. */
async function withRelay(
  limits: Partial<RelayLimits>,
  work: (stage: Stage) => Promise<void>,
): Promise<void> {
  const clock = new MemoryClock();
  const relay = await openRelay(9, limits, clock);
  const peers: ReachPeer[] = [relay];
  const { directory } = relay;
  const peer = async (number: number): Promise<ReachPeer> => {
    const relays = (): PeerId[] => [relay.id];
    const opened = await openReachPeer(number, { directory, relays, isRaw: true, waits: false });
    peers.push(opened);
    return opened;
  };
  const home = async (number: number): Promise<ReachPeer> => {
    const opened = await peer(number);
    const before = relay.server.waitingCount;
    opened.relayed.wait(true);
    await until("it waits", () => relay.server.waitingCount > before);
    return opened;
  };
  try {
    await work({ relay, clock, peer, home });
  } finally {
    for (const each of peers.toReversed()) await each.close();
    await clock.advance(1);
    assert.equal(clock.sleeping, 0, "nothing of the relay sleeps on");
    assert.equal(relay.server.streamCount, 0);
  }
}

async function dialRaw(
  dialler: ReachPeer,
  home: ReachPeer,
): Promise<{ near: Duplex; far: Duplex }> {
  const before = home.raw.length;
  const near = await dialler.relayed.dial(home.id, never);
  await until("the home has it", () => home.raw.length > before);
  const far = home.raw.at(-1);
  assert.ok(far !== undefined);
  return { near, far };
}

test("a stream over a bound is refused with RELAY_FULL until one ends", bounded, () =>
  withRelay({ streamsPerPairMax: 2 }, async ({ relay, peer, home }) => {
    const [dialler, target] = [await peer(1), await home(2)];
    const { near } = await dialRaw(dialler, target);
    await dialRaw(dialler, target);
    const path = leadPath(target.id);
    await assert.rejects(dialler.upgrades.open(relay.id, path, never), refused("RELAY_FULL"));
    near.destroy();
    await until("the seat is free", () => relay.server.streamCount === 1);
    await dialRaw(dialler, target);
  }),
);

test("only so many homes wait; the next one is refused", bounded, () =>
  withRelay({ waitingMax: 1 }, async ({ relay, peer, home }) => {
    await home(1);
    const other = await peer(2);
    const opening = other.upgrades.open(relay.id, WAIT_PATH, never);
    await assert.rejects(opening, refused("RELAY_FULL"));
  }),
);

test("a home that comes again takes the place of its dead connection", bounded, () =>
  withRelay({ waitingMax: 1 }, async ({ relay, peer }) => {
    const target = await peer(2);
    const first = await target.upgrades.open(relay.id, WAIT_PATH, never);
    await until("it waits", () => relay.server.waitingCount === 1);
    first.resume();
    target.relayed.wait(true);
    await until("the first is closed", () => first.closed);
    assert.equal(relay.server.waitingCount, 1);
    await dialRaw(await peer(1), target);
  }),
);

test("a home that says anything but PING and PONG is left", bounded, () =>
  withRelay({}, async ({ relay, peer }) => {
    const line = await (await peer(2)).upgrades.open(relay.id, WAIT_PATH, never);
    line.resume();
    line.write("INCOMING aaaaaaaaaaaaaaaaaaaaaa\n");
    await until("it is closed", () => line.closed);
    await until("it is forgotten", () => relay.server.waitingCount === 0);
  }),
);

test("a home that does not come is away, and comes too late afterwards", bounded, () =>
  withRelay({}, async ({ relay, clock, peer }) => {
    const [dialler, target] = [await peer(1), await peer(2)];
    const line = await target.upgrades.open(relay.id, WAIT_PATH, never);
    let said = "";
    line.on("data", (piece: Buffer) => (said += piece.toString()));
    const dialling = dialler.upgrades.open(relay.id, leadPath(target.id), never);
    await until("it is told", () => said.includes("\n"));
    const token = /^INCOMING (\S{22})\n$/.exec(said)?.[1];
    assert.ok(token !== undefined);
    const foreign = dialler.upgrades.open(relay.id, takePath(token), never);
    await assert.rejects(foreign, refused("RELAY_TOKEN_INVALID"));
    const away = assert.rejects(dialling, refused("RELAY_TARGET_AWAY"));
    await clock.advance(RELAY_LIMITS.takeMs);
    await away;
    const late = target.upgrades.open(relay.id, takePath(token), never);
    await assert.rejects(late, refused("RELAY_TOKEN_INVALID"));
    line.destroy();
  }),
);

test("a dialler that left before the home came leaves nothing behind", bounded, () =>
  withRelay({}, async ({ relay, clock, peer }) => {
    const [dialler, target] = [await peer(1), await peer(2)];
    const line = await target.upgrades.open(relay.id, WAIT_PATH, never);
    let said = "";
    line.on("data", (piece: Buffer) => (said += piece.toString()));
    const stop = new AbortController();
    const dialling = dialler.upgrades.open(relay.id, leadPath(target.id), stop.signal);
    await until("it is told", () => said.includes("\n"));
    stop.abort(new Error("enough"));
    await assert.rejects(dialling, /enough/);
    const token = said.slice("INCOMING ".length).trim();
    const taken = await target.upgrades.open(relay.id, takePath(token), never);
    taken.resume();
    await clock.advance(RELAY_LIMITS.takeMs);
    await until("the home's connection is closed", () => taken.closed);
    assert.equal(relay.server.streamCount, 0);
    line.destroy();
  }),
);

test("bytes go at the rate of a peer, and what waits is not read", bounded, () =>
  withRelay({ bytesPerSecondPerPeer: MIB }, async ({ relay, clock, peer, home }) => {
    const { near, far } = await dialRaw(await peer(1), await home(2));
    let gotBytes = 0;
    far.on("data", (piece: Buffer) => (gotBytes += piece.length));
    const sent = 8 * MIB;
    near.write(randomBytes(sent));
    const carried = (): number => relay.server.usage()[0]?.forthBytes ?? 0;
    await until("the burst is spent", () => carried() >= 256 * KIB);
    for (let second = 1; second <= 4; second++) {
      await clock.advance(1_000);
      const leastBytes = (second - 1) * MIB;
      await until("a second's bytes came", () => gotBytes >= leastBytes);
      assert.ok(carried() <= (second + 1) * MIB, `${carried()} bytes after ${second} s`);
    }
    near.destroy();
  }),
);

test("a day's bytes spent end streams and refuse new ones until the next day", bounded, () =>
  withRelay({ bytesPerDayMax: MIB }, async ({ relay, clock, peer, home }) => {
    const [dialler, target] = [await peer(1), await home(2)];
    const { near, far } = await dialRaw(dialler, target);
    far.resume();
    near.resume();
    near.write(randomBytes(2 * MIB));
    await until("both are closed", () => near.closed && far.closed);
    const [used] = relay.server.usage();
    assert.ok(used !== undefined && used.forthBytes >= MIB && used.forthBytes < MIB + 64 * KIB);
    const path = leadPath(target.id);
    await assert.rejects(dialler.upgrades.open(relay.id, path, never), refused("RELAY_FULL"));
    await clock.advance(DAY_MS);
    await dialRaw(dialler, await home(3));
  }),
);

test("a stream on which nothing moves is ended; one with a byte now and then is not", bounded, () =>
  withRelay({}, async ({ relay, clock, peer, home }) => {
    const [dialler, target] = [await peer(1), await home(2)];
    const { near, far } = await dialRaw(dialler, target);
    let gotBytes = 0;
    far.on("data", (piece: Buffer) => (gotBytes += piece.length));
    near.resume();
    for (let count = 1; count <= 4; count++) {
      await clock.advance(RELAY_LIMITS.idleMs / 2);
      near.write("x");
      await until("it came", () => gotBytes === count);
    }
    assert.equal(relay.server.streamCount, 1);
    await clock.advance(RELAY_LIMITS.idleMs * 1.5);
    await until("both are closed", () => near.closed && far.closed);
  }),
);

test("retire() sends homes away, and ends streams later even if they move", bounded, () =>
  withRelay({}, async ({ relay, clock, peer, home }) => {
    const [dialler, target] = [await peer(1), await home(2)];
    const { near, far } = await dialRaw(dialler, target);
    let gotBytes = 0;
    far.on("data", (piece: Buffer) => (gotBytes += piece.length));
    near.resume();
    const line = await dialler.upgrades.open(relay.id, WAIT_PATH, never);
    line.resume();
    await until("both wait", () => relay.server.waitingCount === 2);
    relay.server.retire();
    await until("it was sent away", () => line.closed);
    await clock.advance(RELAY_LIMITS.idleMs / 2);
    near.write("x");
    await until("it came", () => gotBytes === 1);
    await clock.advance(RELAY_LIMITS.idleMs / 2);
    await until("both are closed", () => near.closed && far.closed);
  }),
);

test("only members are relayed, and nobody by a relay that stops", async () => {
  let taker: StreamTaker | undefined;
  const upgrader: Upgrader = {
    open: () => Promise.reject(new Error("a relay opens nothing")),
    serve: (_prefix, take) => (taker = take),
  };
  const clock = new MemoryClock();
  const server = openRelayServer(upgrader, { clock, random, log: silent });
  assert.ok(taker !== undefined);
  const peer = idOf(keyOf(1).publicKey);
  const { signal } = new AbortController();
  for (const standing of ["former", "guest"] as const) {
    const asking = taker({ peer, standing, path: WAIT_PATH, signal });
    await assert.rejects(asking, { code: "RELAY_REFUSED", message: /members/ });
  }
  server.close();
  const asking = taker({ peer, standing: "member", path: WAIT_PATH, signal });
  await assert.rejects(asking, { code: "RELAY_CLOSED" });
});
