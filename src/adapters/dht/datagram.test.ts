import assert from "node:assert/strict";
import { createDecipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { blake3 } from "@noble/hashes/blake3.js";
import { MemoryClock } from "../clock-memory.ts";
import { systemRandom } from "../random.node.ts";
import { fixedSwarmKeys, type SwarmKeys } from "../../ports/swarm-keys.ts";
import { KNOCK_WINDOW_MS } from "../tls/knock.ts";
import { DATAGRAM_OVERHEAD_BYTES, DatagramSeal } from "./datagram.ts";
import { DATAGRAM_SALTS_MAX, DATAGRAM_WINDOW } from "./limits.ts";

const KEYS = fixedSwarmKeys(Uint8Array.from({ length: 32 }, (_, at) => at));
const HELLO = Buffer.from("hello");

function pair(clock = new MemoryClock()): [DatagramSeal, DatagramSeal] {
  const make = (): DatagramSeal => new DatagramSeal(KEYS, clock, systemRandom);
  return [make(), make()];
}

test("a datagram is made as docs/format/datagram.md shows it", () => {
  const page = readFileSync(new URL("../../../docs/format/datagram.md", import.meta.url), "utf8");
  const example = /^datagram +([0-9a-f ]+)$/m.exec(page)?.[1]?.replaceAll(" ", "");
  const counting = { bytes: (count: number) => Uint8Array.from({ length: count }, (_, at) => at) };
  const seal = new DatagramSeal(KEYS, new MemoryClock(1_800_000_000_000), counting);
  assert.equal(seal.seal(HELLO).toString("hex"), example);
});

test("a datagram opens with nothing but the page and other libraries", () => {
  const [from] = pair(new MemoryClock(1_800_000_000_000));
  from.seal(HELLO);
  const sealed = from.seal(HELLO);
  const text = new TextEncoder();
  const networkKey = blake3(KEYS.current().key, {
    context: text.encode("holdfast 2026 datagram v1"),
  });
  const key = blake3(sealed.subarray(1, 17), { key: networkKey });
  const nonce = Buffer.concat([sealed.subarray(17, 25), Buffer.alloc(4)]);
  const decipher = createDecipheriv("aes-256-gcm", key, nonce);
  decipher.setAAD(sealed.subarray(0, 25)).setAuthTag(sealed.subarray(-16));
  const plain = Buffer.concat([decipher.update(sealed.subarray(25, -16)), decipher.final()]);
  assert.deepEqual([sealed[0], sealed.readBigUInt64LE(17)], [0x68, 1n]);
  assert.equal(plain.readBigUInt64LE(), 1_800_000_000_000n);
  assert.deepEqual(plain.subarray(8), HELLO);
});

test("open() takes a datagram once, in any order within the window", () => {
  const [from, to] = pair();
  const sealed = Array.from({ length: DATAGRAM_WINDOW + 1 }, () => from.seal(HELLO));
  const opened = sealed.slice(1).map((each) => to.open(each) !== undefined);
  assert.ok(opened.every(Boolean));
  assert.equal(to.open(sealed[0] ?? HELLO), undefined, "older than the window");
  assert.ok(sealed.every((each) => to.open(each) === undefined));
  const [late, early] = [from.seal(HELLO), from.seal(HELLO)];
  assert.deepEqual([to.open(early), to.open(late)], [HELLO, HELLO]);
});

test("every flipped bit and every other length is refused", () => {
  const [from, to] = pair();
  const sealed = from.seal(HELLO);
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const flipped = Buffer.from(sealed);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(to.open(flipped), undefined, `bit ${bit}`);
  }
  for (let length = 0; length < sealed.length; length++) {
    assert.equal(to.open(sealed.subarray(0, length)), undefined, `length ${length}`);
  }
  assert.equal(to.open(Buffer.concat([sealed, Buffer.of(0)])), undefined);
  assert.deepEqual(to.open(sealed), HELLO);
});

test("the window is 36 hours both ways", async () => {
  for (const [stepMs, opens] of [
    [KNOCK_WINDOW_MS, true],
    [KNOCK_WINDOW_MS + 1, false],
  ] as const) {
    const [early, late] = [new MemoryClock(), new MemoryClock()];
    await late.advance(stepMs);
    const [a, b] = [early, late].map((clock) => new DatagramSeal(KEYS, clock, systemRandom));
    assert.equal(b?.open(a?.seal(HELLO) ?? HELLO) !== undefined, opens);
    assert.equal(a?.open(b?.seal(HELLO) ?? HELLO) !== undefined, opens);
  }
});

test("a new network key takes effect at once, and the old one opens nothing", () => {
  let now = KEYS.current();
  const listeners: (() => void)[] = [];
  const changing: SwarmKeys = {
    current: () => now,
    previous: () => undefined,
    onChange: (listener) => {
      listeners.push(listener);
      return () => undefined;
    },
  };
  const clock = new MemoryClock();
  const [old] = pair(clock);
  const renewed = new DatagramSeal(changing, clock, systemRandom);
  assert.deepEqual(renewed.open(old.seal(HELLO)), HELLO);
  const before = renewed.seal(HELLO);
  now = { number: 2, key: new Uint8Array(32).fill(9) };
  for (const listener of listeners) listener();
  const newest = new DatagramSeal(fixedSwarmKeys(now.key), clock, systemRandom);
  assert.equal(renewed.open(old.seal(HELLO)), undefined);
  assert.equal(newest.open(before), undefined);
  assert.equal(old.open(renewed.seal(HELLO)), undefined);
  assert.deepEqual(newest.open(renewed.seal(HELLO)), HELLO);
});

test("many senders do not grow what is remembered without end", () => {
  const clock = new MemoryClock();
  const [first, to] = pair(clock);
  const replayed = first.seal(HELLO);
  assert.deepEqual(to.open(replayed), HELLO);
  const flood = (count: number): void => {
    for (let each = 0; each < count; each++) {
      assert.ok(to.open(new DatagramSeal(KEYS, clock, systemRandom).seal(HELLO)));
    }
  };
  flood(DATAGRAM_SALTS_MAX - 1);
  assert.equal(to.open(replayed), undefined, "still remembered");
  flood(1);
  assert.deepEqual(to.open(replayed), HELLO, "forgotten: the bound holds");
});

test("the longest answer of the DHT fits an unbroken packet when it is sealed", () => {
  // A reply: head 10, id 32, token 32, 20 closer nodes of 6, 20 records of 33 without relays.
  const longest = 10 + 32 + 32 + (1 + 20 * 6) + 3 + (1 + 20 * 33) + 1;
  assert.ok(longest + DATAGRAM_OVERHEAD_BYTES <= 1_232, "IPv6's least packet, less its headers");
});
