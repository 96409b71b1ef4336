/** Benchmarks: `npm run bench -- put|get|small|kernels|floor|cli|cluster|reach|tracker [--json]
 * [--code 5/10] [--mib 1024] [--peers 10] [--runs 3]`. Ratios against a reference of the same
 * run. Several run one after the other. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { benchCli } from "./cli.ts";
import { benchCluster } from "./cluster.ts";
import { getFloor, putFloor } from "./floor.ts";
import { run as benchKernels } from "./kernels.ts";
import { benchReach, printReach } from "./reach.ts";
import { print, rounded } from "./report.ts";
import { benchTracker } from "./tracker.ts";
import { benchTransfer } from "./transfer.ts";

/** MiB of each of 48 measurements. */
const REACH_MIB = 256;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    code: { type: "string", default: "5/10" },
    mib: { type: "string" },
    peers: { type: "string", default: "10" },
    runs: { type: "string", default: "3" },
    agents: { type: "string", default: "1000" },
    rate: { type: "string", default: "1000" },
    seconds: { type: "string", default: "20" },
  },
});

const runs = Number(values.runs);
const sizes = values.peers.split(",").map(Number);
const peers = sizes[0] ?? 10;

async function benchFloor(mib: number): Promise<void> {
  const [k = 1, n = 1] = values.code.split("/").map(Number);
  const dir = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const bytes = mib * 1024 * 1024;
  try {
    for (const bench of ["put", "get"] as const) {
      const seconds: number[] = [];
      for (let round = 0; round <= runs; round++) {
        const floorDir = join(dir, `${bench}-${round}`);
        mkdirSync(floorDir);
        const took =
          bench === "put"
            ? await putFloor(floorDir, peers, Math.ceil((bytes * n) / k / peers))
            : await getFloor(floorDir, k, Math.ceil(bytes / k));
        rmSync(floorDir, { recursive: true });
        if (round > 0) seconds.push(took);
      }
      const middle = seconds.toSorted((a, b) => a - b)[seconds.length >>> 1] ?? Number.NaN;
      const line = { bench: `floor ${bench}`, seconds: rounded(middle), code: values.code, mib };
      console.log(values.json ? JSON.stringify(line) : `${line.bench}: ${line.seconds} s`);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Runs one benchmark and prints what it gave. */
async function run(bench: string): Promise<void> {
  const mib = Number(values.mib ?? (bench === "reach" ? REACH_MIB : 1024));
  switch (bench) {
    case "put":
    case "get":
    case "small":
      print(await benchTransfer(bench, { mib, peers, code: values.code, runs }), values.json);
      break;
    case "kernels":
      await benchKernels();
      break;
    case "floor":
      await benchFloor(mib);
      break;
    case "cli":
      for (const line of await benchCli()) print(line, values.json);
      break;
    case "cluster":
      await benchCluster(values.peers === "10" ? [3, 5, 10, 20] : sizes, mib, runs, values.json);
      break;
    case "reach":
      for (const line of await benchReach(mib, runs)) printReach(line, values.json);
      break;
    case "tracker": {
      const { agents, rate, seconds } = values;
      console.log(
        JSON.stringify(await benchTracker(Number(agents), Number(rate), Number(seconds))),
      );
      break;
    }
    default:
      process.stderr.write(
        `no benchmark ${JSON.stringify(bench)}; there are put, get, small, kernels, floor, cli, ` +
          "cluster, reach, tracker\n",
      );
      process.exitCode = 2;
  }
}

for (const bench of positionals.length > 0 ? positionals : [""]) await run(bench);
