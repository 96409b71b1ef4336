// Real daemons behind every pair of home routers. `npm test` runs pairs of the same kind and one
// with UDP blocked; `npm run test:nat` all of them, and prints the table of docs/performance.md.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { assertCarried, runCell } from "./cell.ts";
import type { Cell } from "./cell.ts";
import { whyNoLab } from "./lab.ts";
import type { Mode } from "./lab.ts";

const SIZE_MIB = 64;
const LARGE_MIB = 1024;
const CELL_MAX_MS = 240_000;
const LARGE_MAX_MS = 900_000;
const KINDS: readonly Mode[] = ["open", "fullcone", "cone", "sym"];

const all = process.env["HOLDFAST_NAT"] === "all";
const pairs: (readonly [Mode, Mode])[] = all
  ? KINDS.flatMap((from) => KINDS.map((to) => [from, to] as const))
  : KINDS.map((kind) => [kind, kind] as const);
pairs.push(["blocked", "cone"]);
if (all) pairs.push(["cone", "blocked"], ["blocked", "blocked"]);

const skip = whyNoLab();
const cells: Cell[] = [];

/** Where no hole can be punched: both routers choose a new port for each target, or one lets no
 * UDP through. */
function mayRelay(from: Mode, to: Mode): boolean {
  return (from === "sym" && to === "sym") || from === "blocked" || to === "blocked";
}

for (const [from, to] of pairs) {
  const title = `${SIZE_MIB} MiB from a home (${from}) to another (${to}) and back`;
  test(title, { skip, timeout: CELL_MAX_MS }, async (t) => {
    const cell = await runCell(from, to, { sizeMib: SIZE_MIB, mayRelay: mayRelay(from, to) });
    cells.push(cell);
    t.diagnostic(rowOf(cell, SIZE_MIB));
    if (!mayRelay(from, to)) assert.notEqual(cell.carrier, "relayed");
    assertCarried(cell, SIZE_MIB);
  });
}

const large = { skip: all ? skip : "only in `npm run test:nat`", timeout: LARGE_MAX_MS };
test(`${LARGE_MIB} MiB through a relay in one go`, large, async (t) => {
  const cell = await runCell("sym", "sym", { sizeMib: LARGE_MIB, mayRelay: true });
  t.diagnostic(rowOf(cell, LARGE_MIB));
  assert.equal(cell.carrier, "relayed");
  assertCarried(cell, LARGE_MIB);
});

after(() => {
  if (all && cells.length > 0) process.stdout.write(`\n${tableOf(cells)}\n`);
});

/** One row: how, and how long everything took. */
function rowOf(cell: Cell, sizeMib: number): string {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  const columns = [
    cell.from,
    cell.to,
    cell.carrier,
    seconds(cell.joinMs),
    seconds(cell.reachMs),
    cell.punchMs === undefined ? "" : seconds(cell.punchMs),
    ...[cell.putMs, cell.getMs].map((ms) => `${seconds(ms)} (${rate(sizeMib, ms)})`),
  ];
  return `| ${columns.join(" | ")} |`;
}

function rate(sizeMib: number, ms: number): string {
  return `${((sizeMib * 1.048_576 * 1000) / ms).toFixed(0)} MB/s`;
}

function tableOf(rows: readonly Cell[]): string {
  const heads = ["from", "to", "carrier", "join", "reach", "no relay", "put", "get"];
  const rule = heads.map(() => "---");
  const lines = [heads, rule].map((words) => `| ${words.join(" | ")} |`);
  return [...lines, ...rows.map((cell) => rowOf(cell, SIZE_MIB))].join("\n");
}
