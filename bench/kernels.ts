// Rates of the kernels on one core, beside the scalar twin in the same run. Packs take turns in a
// region larger than the caches, so that data comes from memory as it does in use.
import { createHash } from "node:crypto";
import { MIB, PACK_MAX_BYTES } from "../src/base/limits.ts";
import { createArena } from "../src/kernels/arena.ts";
import type { Arena } from "../src/kernels/arena.ts";
import { GEAR_TABLE_BYTES } from "../src/kernels/kernels.ts";
import type { Kernels } from "../src/kernels/kernels.ts";
import { loadKernels, loadVariant } from "../src/kernels/load.node.ts";

/** Rates are millions of data bytes per second; a ratio above 1 means faster than the reference. */
export interface KernelRate {
  bench: "kernels";
  name: string;
  variant: string;
  mbps: number;
  reference: { name: string; mbps: number };
  ratio: number;
}

interface Work {
  name: string;
  /** Does one turn; returns how many data bytes it took. */
  turn: (kernels: Kernels, turn: number) => number;
}

const PACKS = 4;
const ROUNDS = 5;
const ROUND_MS = 120;
const REGION_BYTES = 160 * MIB;

/** Measures every kernel, prints a line of JSON for each and returns them. */
export async function run(print: (line: string) => void = console.log): Promise<KernelRate[]> {
  const arena = createArena(REGION_BYTES);
  fill(arena);
  const table = createHash("shake128", { outputLength: GEAR_TABLE_BYTES }).update("bench").digest();
  const fast = await loadKernels(arena, 0);
  const twin = await loadVariant("scalar", arena, 1);
  fast.setGear(table);
  twin.setGear(table);
  const works = [
    encoding(arena, 8, 4),
    encoding(arena, 5, 5),
    encoding(arena, 4, 5),
    rebuilding(arena, 8, 4),
    cutting(arena),
  ];
  return works.map((work) => {
    const rate = measure(work, fast, twin);
    print(JSON.stringify(rate));
    return rate;
  });
}

function fill(arena: Arena): void {
  const block = createHash("shake128", { outputLength: REGION_BYTES }).update("data").digest();
  arena.bytes.set(block, arena.dataAt);
}

function encoding(arena: Arena, k: number, m: number): Work {
  const shardBytes = Math.ceil(PACK_MAX_BYTES / k);
  const turn = (kernels: Kernels, number: number): number => {
    const at = arena.dataAt + (number % PACKS) * (k + m) * shardBytes;
    kernels.encode(k, m, shardBytes, at, at + k * shardBytes);
    return k * shardBytes;
  };
  return { name: `encode ${k}+${m}`, turn };
}

/** All m first data shards are gone: the most there is to compute. */
function rebuilding(arena: Arena, k: number, m: number): Work {
  const shardBytes = Math.ceil(PACK_MAX_BYTES / k);
  const turn = (kernels: Kernels, number: number): number => {
    const at = arena.dataAt + (number % PACKS) * (k + m) * shardBytes;
    const shards = Array.from({ length: k + m }, (_, index) => ({
      index,
      at: at + index * shardBytes,
    }));
    kernels.rebuild(k, shardBytes, shards.slice(m), shards.slice(0, m));
    return k * shardBytes;
  };
  return { name: `rebuild ${m} of ${k}+${m}`, turn };
}

function cutting(arena: Arena): Work {
  const turn = (kernels: Kernels): number => {
    let done = 0;
    while (done < 64 * MIB) {
      done += kernels.nextCut(arena.dataAt + done, REGION_BYTES - done, false);
    }
    return done;
  };
  return { name: "chunker", turn };
}

/** Medians of rounds that alternate between the kernels and their twin. */
function measure(work: Work, fast: Kernels, twin: Kernels): KernelRate {
  const rates = { fast: [] as number[], twin: [] as number[] };
  for (let round = 0; round <= ROUNDS; round++) {
    const pair = { fast: rateOf(work, fast), twin: rateOf(work, twin) };
    // The first round warms up: the engine compiles hot code anew while it runs.
    if (round === 0) continue;
    rates.fast.push(pair.fast);
    rates.twin.push(pair.twin);
  }
  const [mbps, reference] = [median(rates.fast), median(rates.twin)];
  return {
    bench: "kernels",
    name: work.name,
    variant: fast.variant,
    mbps: Math.round(mbps),
    reference: { name: "scalar twin", mbps: Math.round(reference) },
    ratio: Number((mbps / reference).toFixed(2)),
  };
}

function rateOf(work: Work, kernels: Kernels): number {
  const started = performance.now();
  let bytes = 0;
  let elapsedMs = 0;
  for (let number = 0; elapsedMs < ROUND_MS; number++) {
    bytes += work.turn(kernels, number);
    elapsedMs = performance.now() - started;
  }
  return bytes / 1000 / elapsedMs;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

if (import.meta.main) await run();
