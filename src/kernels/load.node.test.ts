import assert from "node:assert/strict";
import { once } from "node:events";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { LANES, attachArena, createArena } from "./arena.ts";
import { KernelError } from "./error.ts";
import type { Kernels } from "./kernels.ts";
import { VARIANTS, loadKernels, loadVariant } from "./load.node.ts";

/** Runs `work` with HOLDFAST_KERNELS set, or unset for undefined. */
async function withForced<T>(value: string | undefined, work: () => Promise<T>): Promise<T> {
  const before = process.env["HOLDFAST_KERNELS"];
  const set = (to: string | undefined): void => {
    if (to === undefined) delete process.env["HOLDFAST_KERNELS"];
    else process.env["HOLDFAST_KERNELS"] = to;
  };
  set(value);
  try {
    return await work();
  } finally {
    set(before);
  }
}

test("loadKernels() takes the fastest variant, or the one that the environment names", async () => {
  const arena = createArena(0);
  const chosen = await withForced(undefined, () => loadKernels(arena));
  assert.equal(chosen.variant, "relaxed");
  for (const variant of VARIANTS) {
    assert.equal((await withForced(variant, () => loadKernels(arena))).variant, variant);
  }
  await withForced("avx", () =>
    assert.rejects(
      loadKernels(arena),
      (error) => error instanceof KernelError && error.code === "KERNELS_UNSUPPORTED",
    ),
  );
});

test("loadKernels() says that kernels were not compiled", async () => {
  const root = await mkdtemp(join(tmpdir(), "holdfast-kernels-"));
  try {
    for (const folder of ["base", "kernels"]) {
      const source = new URL(`../${folder}/`, import.meta.url);
      await cp(source, join(root, "src", folder), { recursive: true });
    }
    const copy = pathToFileURL(join(root, "src", "kernels", "load.node.ts")).href;
    const uncompiled = (await import(copy)) as { loadKernels: typeof loadKernels };
    await assert.rejects(uncompiled.loadKernels(createArena(0)), {
      code: "KERNELS_MISSING",
      hint: "run: node scripts/build-kernels.mjs",
    });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

test("lanes and arenas that do not exist are refused", async () => {
  const arena = createArena(1);
  assert.ok(arena.dataAt % 65_536 === 0 && arena.bytes.length > arena.dataAt);
  for (const lane of [-1, 0.5, LANES]) await assert.rejects(loadKernels(arena, lane), RangeError);
  for (const lengthBytes of [-1, NaN, 2 ** 30]) {
    assert.throws(() => createArena(lengthBytes), RangeError);
  }
  assert.throws(() => attachArena(new WebAssembly.Memory({ initial: 200 })), RangeError);
  const small = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  assert.throws(() => attachArena(small), RangeError);
});

const SHARD_BYTES = 20_011;
const ROUNDS = 60;

/** What a thread does in its half of the arena: its own code, its own bytes, its own gear table,
 * over and over; the digest of all results. Also sent to a worker as text, so it uses nothing from
 * outside. */
function labour(
  kernels: Kernels,
  bytes: Uint8Array,
  at: number,
  seed: number,
  shardBytes: number,
  rounds: number,
): number {
  const table = new Uint8Array(2048);
  let state = seed;
  const next = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0) >>> 13;
  for (let index = 0; index < table.length; index++) table[index] = next();
  kernels.setGear(table);
  const k = 3 + (seed % 5);
  const m = 2 + (seed % 4);
  for (let index = 0; index < 1_000_000; index++) bytes[at + index] = next();
  let digest = 0;
  for (let round = 0; round < rounds; round++) {
    bytes[at] = round;
    kernels.encode(k, m, shardBytes, at, at + k * shardBytes);
    const shards = [...Array(k + m).keys()].map((index) => ({
      index,
      at: at + index * shardBytes,
    }));
    const spare = shards.slice(0, m).map(({ index }) => ({
      index,
      at: at + 400_000 + index * shardBytes,
    }));
    kernels.rebuild(k, shardBytes, shards.slice(m), spare);
    for (let index = 0; index < 600_000; index += 61) {
      digest = (Math.imul(digest, 31) + bytes[at + index]!) | 0;
    }
    digest = (Math.imul(digest, 31) + kernels.nextCut(at, 1_000_000, true)) | 0;
  }
  return digest;
}

test("two threads work in one memory at once and do not disturb each other", async () => {
  const arena = createArena(4_000_000);
  const gate = new Int32Array(new SharedArrayBuffer(8));
  const workerAt = arena.dataAt + 2_000_000;
  const worker = new Worker(
    `const { workerData, parentPort } = require("node:worker_threads");
     (async () => {
       const { attachArena } = await import(workerData.arenaUrl);
       const { loadKernels } = await import(workerData.loadUrl);
       const arena = attachArena(workerData.memory);
       const kernels = await loadKernels(arena, 1);
       Atomics.store(workerData.gate, 0, 1);
       Atomics.notify(workerData.gate, 0);
       const labour = ${labour.toString()};
       parentPort.postMessage(labour(kernels, arena.bytes, ...workerData.rest));
     })();`,
    {
      eval: true,
      workerData: {
        arenaUrl: new URL("./arena.ts", import.meta.url).href,
        loadUrl: new URL("./load.node.ts", import.meta.url).href,
        memory: arena.memory,
        gate,
        rest: [workerAt, 8, SHARD_BYTES, ROUNDS],
      },
    },
  );
  const kernels = await loadKernels(arena, 0);
  const answer = once(worker, "message");
  answer.catch(() => {});
  const ready = Atomics.waitAsync(gate, 0, 0, 30_000);
  if (ready.async) await ready.value;
  const mine = labour(kernels, arena.bytes, arena.dataAt, 6, SHARD_BYTES, ROUNDS);
  const [theirs] = (await answer) as [number];
  await worker.terminate();

  // The same again, one after the other, with the plain twin and in other lanes.
  const twin = await loadVariant("scalar", arena, 2);
  const alone = labour(twin, arena.bytes, arena.dataAt, 6, SHARD_BYTES, ROUNDS);
  const other = labour(twin, arena.bytes, workerAt, 8, SHARD_BYTES, ROUNDS);
  assert.deepEqual([mine, theirs], [alone, other]);
});
