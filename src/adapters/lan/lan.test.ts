import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { after, test } from "node:test";
import { idOf, type PeerId } from "../../base/id.ts";
import { LAN_AGE_MAX_MS, LAN_BURST_MAX } from "../../base/limits.ts";
import type { Log } from "../../ports/log.ts";
import { fixedSwarmKeys, type SwarmKeys } from "../../ports/swarm-keys.ts";
import { MemoryClock } from "../clock-memory.ts";
import { systemRandom } from "../random.node.ts";
import { announcementKey, openAnnouncement, sealAnnouncement } from "./announcement.ts";
import { openLan, type Lan, type LanOptions } from "./lan.ts";
import { openWire, type LanInterface } from "./wire.ts";

const KEY = new Uint8Array(32).fill(1);
const OTHER_KEY = new Uint8Array(32).fill(2);
const LOOPBACK: LanInterface = { name: "lo", family: 4, address: "127.0.0.1" };
const clock = new MemoryClock();
const log: Log = { write: () => undefined };
const multicastPort = await freeUdpPort();
const opened: Lan[] = [];
after(() => Promise.all(opened.map((lan) => lan.close())));
const peerOf = (number: number): PeerId => idOf(new Uint8Array(32).fill(number));

async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

/** Hands out what is reported, in its order. */
class Reports {
  readonly all: { peer: PeerId; address: string }[] = [];
  #wake: (() => void) | undefined;

  readonly take = (found: { peer: PeerId; address: string }): void => {
    this.all.push(found);
    this.#wake?.();
  };

  async until(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

function open(number: number, reports: Reports, part: Partial<LanOptions> = {}): Lan {
  const lan = openLan({
    ...{ swarmKeys: fixedSwarmKeys(KEY), peerId: peerOf(number), port: 4_000 + number, clock, log },
    ...{ random: systemRandom, multicastPort, interfaces: () => [LOOPBACK], onPeer: reports.take },
    ...part,
  });
  opened.push(lan);
  return lan;
}

/** A stranger in the same network, who sees and says what he wants. */
async function stranger(): Promise<{
  socket: Socket;
  heard: Buffer[];
  say: (sealed: Uint8Array, asks?: boolean) => void;
  close: () => Promise<void>;
}> {
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  const heard: Buffer[] = [];
  socket.on("message", (message) => void heard.push(message));
  socket.bind(multicastPort, "0.0.0.0");
  await once(socket, "listening");
  socket.addMembership("224.0.0.251", "127.0.0.1");
  socket.setMulticastInterface("127.0.0.1");
  const wire = openWire(LOOPBACK, multicastPort, log, () => undefined, assert.fail);
  // What is heard of this shows that both are in the network.
  wire.send(announce(1, { key: OTHER_KEY }), false);
  await once(socket, "message");
  heard.length = 0;
  let isClosed = false;
  const close = async (): Promise<void> => {
    if (!isClosed) socket.close();
    isClosed = true;
    await wire.close();
  };
  after(close);
  return { socket, heard, close, say: (sealed, asks = false) => wire.send(sealed, asks) };
}

function announce(
  number: number,
  part: { key?: Uint8Array; timeMs?: number; asks?: boolean } = {},
): Uint8Array {
  const { key = KEY, timeMs = clock.nowMs(), asks = false } = part;
  const announcement = { peer: peerOf(number), port: 4_000 + number, timeMs, asks };
  return sealAnnouncement(announcementKey(key), systemRandom.bytes(12), announcement);
}

test("two peers find each other, and one with another key neither finds nor is found", async () => {
  const [one, two, three] = [new Reports(), new Reports(), new Reports()];
  const outsider = open(3, three, { swarmKeys: fixedSwarmKeys(OTHER_KEY) });
  const first = open(1, one);
  const second = open(2, two);
  await Promise.all([one.until(() => one.all.length > 0), two.until(() => two.all.length > 0)]);
  await Promise.all([first, second, outsider].map((lan) => lan.close()));
  assert.deepEqual(one.all[0], { peer: peerOf(2), address: "127.0.0.1:4002" });
  assert.deepEqual(two.all[0], { peer: peerOf(1), address: "127.0.0.1:4001" });
  assert.deepEqual(three.all, []);
});

test("what is in the air names no peer, and no port, and an outsider gets no answer", async () => {
  const reports = new Reports();
  const outsider = await stranger();
  const lan = open(4, reports);
  while (outsider.heard.length === 0) await once(outsider.socket, "message");
  const before = outsider.heard.splice(0);
  const bytes = Buffer.concat(before);
  assert.equal(bytes.includes(peerOf(4)), false);
  assert.equal(bytes.includes(Buffer.alloc(32, 4)), false);
  outsider.say(announce(5, { key: OTHER_KEY, asks: true }), true);
  // Once this is reported, the question before it was seen, and an answer would be on its way.
  outsider.say(announce(5));
  await reports.until(() => reports.all.length > 0);
  const marker = announce(1, { key: OTHER_KEY });
  outsider.say(marker);
  while (!outsider.heard.some((message) => message.includes(marker))) {
    await once(outsider.socket, "message");
  }
  const answers = (): number => outsider.heard.filter((message) => message.at(2) === 0x84).length;
  assert.equal(answers(), 2, "those that it said itself");
  outsider.say(announce(6, { asks: true }), true);
  while (answers() < 3) await once(outsider.socket, "message");
  await lan.close();
});

test("garbage, copies, and what is older than 36 hours are dropped", async () => {
  const reports = new Reports();
  const lan = open(7, reports);
  const other = await stranger();
  const copy = announce(8);
  const cut = announce(9).subarray(1);
  const flipped = announce(9).map((byte, at) => (at === 30 ? byte ^ 1 : byte));
  const garbage = [new Uint8Array(), cut, flipped, systemRandom.bytes(72)];
  const ages = [-LAN_AGE_MAX_MS - 1, LAN_AGE_MAX_MS + 1].map((ageMs) =>
    announce(9, { timeMs: clock.nowMs() - ageMs }),
  );
  other.socket.send(systemRandom.bytes(300), multicastPort, "224.0.0.251");
  for (const sealed of [...garbage, ...ages, copy, copy, announce(7)]) other.say(sealed);
  other.say(announce(10, { timeMs: clock.nowMs() - LAN_AGE_MAX_MS + 1 }));
  await reports.until(() => reports.all.some(({ peer }) => peer === peerOf(10)));
  assert.deepEqual(
    reports.all.map(({ peer }) => peer),
    [peerOf(8), peerOf(10)],
  );
  await Promise.all([lan.close(), other.close()]);
});

test("of ten thousand announcements a bounded number is passed on", async () => {
  const reports = new Reports();
  const still = new MemoryClock(clock.nowMs());
  const lan = open(11, reports, { clock: still });
  const other = await stranger();
  for (let sent = 0; sent < 10_000; sent++) {
    other.say(announce(20 + (sent % 200)));
    // The socket drops what it cannot take at once; so more than the bound gets through.
    if (sent % 50 === 0) await new Promise(setImmediate);
  }
  await reports.until(() => reports.all.length >= LAN_BURST_MAX);
  assert.equal(reports.all.length, LAN_BURST_MAX);
  // Later there is room again.
  await still.advance(10_000);
  other.say(announce(12));
  await reports.until(() => reports.all.some(({ peer }) => peer === peerOf(12)));
  await Promise.all([lan.close(), other.close()]);
});

test("a new network is joined, one that is gone is left, a new key is used at once", async () => {
  const [one, two] = [new Reports(), new Reports()];
  const places: LanInterface[] = [];
  const listeners = new Set<() => void>();
  let key = OTHER_KEY;
  const swarmKeys: SwarmKeys = {
    current: () => ({ number: 1, key }),
    previous: () => undefined,
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const moving = open(13, one, { interfaces: () => places, swarmKeys });
  const staying = open(14, two);
  await clock.advance(0);
  places.push(LOOPBACK);
  await clock.advance(60_000);
  assert.deepEqual(two.all, [], "it has the old key");
  key = KEY;
  for (const listener of listeners) listener();
  await Promise.all([one.until(() => one.all.length > 0), two.until(() => two.all.length > 0)]);
  places.pop();
  await clock.advance(60_000);
  await Promise.all([moving.close(), staying.close()]);
  assert.equal(listeners.size, 0);
});

test("a machine without multicast, or without leave to look, only says so", async () => {
  const said: string[] = [];
  const listening: Log = { write: (level, event) => void said.push(`${level} ${event}`) };
  const nowhere: LanInterface = { name: "none", family: 4, address: "198.51.100.1" };
  const parts = { log: listening, clock: new MemoryClock() };
  const lan = open(15, new Reports(), { ...parts, interfaces: () => [nowhere] });
  while (said.length === 0) await new Promise(setImmediate);
  await lan.close();
  const blind = open(16, new Reports(), {
    ...parts,
    interfaces: () => {
      throw new Error("operation not permitted");
    },
  });
  await blind.close();
  assert.ok(said.includes("debug lan.unusable"));
  assert.deepEqual(
    said.filter((line) => !line.startsWith("debug ")),
    [],
  );
});

test("openAnnouncement() opens what sealAnnouncement() made, byte by byte", () => {
  const key = announcementKey(KEY);
  const sealed = announce(17, { asks: true });
  const wanted = { peer: peerOf(17), port: 4_017, timeMs: clock.nowMs(), asks: true };
  assert.deepEqual(openAnnouncement(key, sealed), wanted);
  for (let at = 0; at < sealed.length; at++) {
    const forged = sealed.map((byte, index) => (index === at ? byte ^ 1 : byte));
    assert.equal(openAnnouncement(key, forged), undefined, `byte ${at}`);
  }
});
