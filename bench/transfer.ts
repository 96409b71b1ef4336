/** put, get and small: real daemons on this machine against restic and the floor, in one run. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeRandomFile, writeSmallFiles } from "./data.ts";
import { getFloor, putFloor } from "./floor.ts";
import { median, run } from "./process.ts";
import { rounded } from "./report.ts";
import type { BenchLine } from "./report.ts";
import { Restic } from "./restic.ts";
import { BenchSwarm } from "./swarm.ts";

export interface TransferOptions {
  mib: number;
  peers: number;
  code: string;
  runs: number;
}

const SMALL_FILES = 10_000;
const SMALL_BYTES = 4096;

interface Measured {
  seconds: number;
  ownerCpu: number;
  holdersCpu: number;
  reference: number | undefined;
}

/** Measures one of the three; the first round warms the daemons up and is not counted. */
export async function benchTransfer(
  bench: "put" | "get" | "small",
  options: TransferOptions,
): Promise<BenchLine> {
  const dir = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const swarm = await BenchSwarm.start(join(dir, "swarm"), options.peers, options.code);
  try {
    const rounds: Measured[] = [];
    for (let round = 0; round <= options.runs; round++) {
      const measured = await measure(bench, options, swarm, join(dir, `round-${round}`), round);
      if (round > 0) rounds.push(measured);
    }
    const floor = bench === "small" ? undefined : await measureFloor(bench, options, dir);
    return lineOf(bench, options, rounds, floor, swarm.peakRssMib());
  } finally {
    await swarm.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measure(
  bench: "put" | "get" | "small",
  options: TransferOptions,
  swarm: BenchSwarm,
  dir: string,
  round: number,
): Promise<Measured> {
  mkdirSync(dir);
  const source = join(dir, "source");
  if (bench === "small") writeSmallFiles(source, SMALL_FILES, SMALL_BYTES);
  else writeRandomFile(source, options.mib);
  const remote = `/bench-${round}`;
  const restic = await Restic.start(dir);
  try {
    if (bench === "get") {
      await restic?.backup(source);
      await swarm.hold("put", source, remote);
      await settle();
      const reference = await restic?.restore(join(dir, "restored"));
      rmSync(join(dir, "restored"), { recursive: true, force: true });
      await settle();
      const got = join(dir, "got");
      const timed = await timedHold(swarm, ["get", remote, got]);
      if (statSync(got).size !== statSync(source).size) throw new Error("got another length");
      return { ...timed, reference };
    }
    await settle();
    const reference = await restic?.backup(source);
    await settle();
    return { ...(await timedHold(swarm, ["put", source, remote])), reference };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** What was written before is on disk before something is timed. */
async function settle(): Promise<void> {
  await run("sync", []);
}

async function timedHold(
  swarm: BenchSwarm,
  args: readonly string[],
): Promise<Omit<Measured, "reference">> {
  const before = swarm.cpu();
  const { seconds } = await swarm.hold(...args);
  const after = swarm.cpu();
  return {
    seconds,
    ownerCpu: after.owner - before.owner,
    holdersCpu: after.holders - before.holders,
  };
}

async function measureFloor(
  bench: "put" | "get",
  { mib, code, peers, runs }: TransferOptions,
  dir: string,
): Promise<number> {
  const [k = 1, n = 1] = code.split("/").map(Number);
  const bytes = mib * 1024 * 1024;
  const seconds: number[] = [];
  for (let round = 0; round <= runs; round++) {
    const floorDir = join(dir, "floor");
    mkdirSync(floorDir);
    await settle();
    const took =
      bench === "put"
        ? await putFloor(floorDir, peers, Math.ceil((bytes * n) / k / peers))
        : await getFloor(floorDir, k, Math.ceil(bytes / k));
    if (round > 0) seconds.push(took);
    if (existsSync(floorDir)) rmSync(floorDir, { recursive: true });
  }
  return median(seconds);
}

function lineOf(
  bench: "put" | "get" | "small",
  options: TransferOptions,
  rounds: readonly Measured[],
  floor: number | undefined,
  peakRssMiB: number,
): BenchLine {
  const seconds = median(rounds.map((round) => round.seconds));
  const bytes = bench === "small" ? SMALL_FILES * SMALL_BYTES : options.mib * 1024 * 1024;
  const references = rounds.flatMap(({ reference }) =>
    reference === undefined ? [] : [reference],
  );
  const name = bench === "get" ? "restic restore, local disk" : "restic backup, local disk";
  const reference = references.length === 0 ? undefined : median(references);
  return {
    bench,
    seconds: rounded(seconds),
    mbps: rounded(bytes / 1e6 / seconds),
    reference:
      reference === undefined
        ? { name, missing: "restic is not installed (Debian package restic)" }
        : { name, seconds: rounded(reference) },
    ratio: reference === undefined ? undefined : rounded(reference / seconds),
    floor: floor === undefined ? undefined : { seconds: rounded(floor) },
    floorRatio: floor === undefined ? undefined : rounded(floor / seconds),
    ownerCpuSeconds: rounded(median(rounds.map(({ ownerCpu }) => ownerCpu))),
    holdersCpuSeconds: rounded(median(rounds.map(({ holdersCpu }) => holdersCpu))),
    peakRssMiB: rounded(peakRssMiB),
    code: options.code,
    peers: options.peers,
  };
}
