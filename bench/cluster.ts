/** Rates by size of swarm, into docs/performance.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { print } from "./report.ts";
import type { BenchLine } from "./report.ts";
import { benchTransfer } from "./transfer.ts";
import { codeFor } from "../src/swarm/placement.ts";

const PAGE = new URL("../docs/performance.md", import.meta.url);
const BEGIN = "<!-- cluster: begin -->";
const END = "<!-- cluster: end -->";

/** Measures put and get for each number of holders with the code that such a swarm uses. */
export async function benchCluster(
  sizes: readonly number[],
  mib: number,
  runs: number,
  asJson: boolean,
): Promise<void> {
  const rows: string[] = [];
  for (const peers of sizes) {
    const table = codeFor(peers);
    if (table === undefined) throw new Error(`no code for ${peers} holders`);
    const code = `${table.k}/${table.n}`;
    const put = await benchTransfer("put", { mib, peers, code, runs });
    const get = await benchTransfer("get", { mib, peers, code, runs });
    for (const line of [put, get]) print({ ...line, bench: `cluster ${line.bench}` }, asJson);
    rows.push(rowOf(peers, code, put, get));
  }
  const head = [
    `${mib} MiB of random bytes, median of ${runs} after a warm-up, all processes on one machine.`,
    "",
    "| holders | code | put MB/s | get MB/s | put CPU s, owner + holders | get CPU s |",
    "| --- | --- | --- | --- | --- | --- |",
  ];
  const page = readFileSync(PAGE, "utf8");
  const [before = ""] = page.split(BEGIN);
  const [, after = ""] = page.split(END);
  writeFileSync(PAGE, `${before}${BEGIN}\n${[...head, ...rows].join("\n")}\n${END}${after}`);
}

function rowOf(peers: number, code: string, put: BenchLine, get: BenchLine): string {
  const cpu = (line: BenchLine): string =>
    `${line.ownerCpuSeconds.toFixed(1)} + ${line.holdersCpuSeconds.toFixed(1)}`;
  const rates = `${put.mbps.toFixed(0)} | ${get.mbps.toFixed(0)}`;
  return `| ${peers} | ${code} | ${rates} | ${cpu(put)} | ${cpu(get)} |`;
}
