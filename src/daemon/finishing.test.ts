import assert from "node:assert/strict";
import { test } from "node:test";
import type { VolumeStatus } from "../volume/service.ts";
import { keepFinishing } from "./finishing.ts";

const SAFE: VolumeStatus = {
  safe: true,
  reasons: [],
  redundancy: { k: 1, n: 3, r: 2 },
  peers: { known: 3, usable: 3 },
  snapshot: 1,
  packs: { full: 1, partial: 0, local: 0 },
  packBytes: 1,
};
const UNSAFE: VolumeStatus = { ...SAFE, safe: false, packs: { full: 0, partial: 0, local: 1 } };

/** A clock that runs as fast as it is slept on, up to a time at which it sleeps for ever. */
function clockUntil(endMs: number) {
  let nowMs = 0;
  const end = Promise.withResolvers<void>();
  return {
    reached: end.promise,
    now: (): number => nowMs,
    clock: {
      nowMs: () => nowMs,
      monotonicMs: () => nowMs,
      async sleep(durationMs: number, signal: AbortSignal): Promise<void> {
        signal.throwIfAborted();
        nowMs += durationMs;
        if (nowMs < endMs) return;
        end.resolve();
        await new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        });
      },
    },
  };
}

const log = { write: () => undefined };

test("keepFinishing() tries ever less often while nothing changes, and at once when a peer comes", async () => {
  const { clock, now, reached } = clockUntil(600_000);
  const attemptsMs: number[] = [];
  let status = UNSAFE;
  const stop = keepFinishing({
    volume: {
      rest: () => undefined,
      watch: async () => undefined,
      status: () => (now() < 400_500 ? status : { ...status, peers: { known: 4, usable: 3 } }),
      finish: async () => {
        attemptsMs.push(now());
        if (attemptsMs.length % 2 === 0) throw new Error("no holder");
        status = UNSAFE;
      },
    },
    clock,
    log,
  });
  await reached;
  await stop();
  const before = attemptsMs.filter((at) => at < 400_500);
  assert.deepEqual(before.slice(0, 5), [1_000, 3_000, 7_000, 15_000, 31_000]);
  assert.ok(before.length < 20, `${before.length} attempts`);
  assert.ok(attemptsMs.includes(401_000), "a new peer is a new chance");
});

test("keepFinishing() leaves a safe volume alone, but for once after each change", async () => {
  const { clock, now, reached } = clockUntil(100_000);
  let attempts = 0;
  const stop = keepFinishing({
    volume: {
      rest: () => undefined,
      watch: async () => undefined,
      status: () => (now() < 50_000 ? SAFE : { ...SAFE, snapshot: 2 }),
      finish: async () => void attempts++,
    },
    clock,
    log,
  });
  await reached;
  await stop();
  assert.equal(attempts, 2);
});

test("keepFinishing() ends the attempt that runs when it is stopped", async () => {
  const { clock } = clockUntil(100_000);
  const began = Promise.withResolvers<void>();
  const stop = keepFinishing({
    volume: {
      rest: () => undefined,
      watch: async () => undefined,
      status: () => UNSAFE,
      finish: (signal) => {
        began.resolve();
        return new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        });
      },
    },
    clock,
    log,
  });
  await began.promise;
  await stop();
});
