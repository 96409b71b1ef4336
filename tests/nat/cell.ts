// Two homes and a public host: one cell of the matrix of routers.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { until, writeRandom } from "../e2e/harness.ts";
import { digest } from "../e2e/trees.ts";
import { NatLab } from "./lab.ts";
import type { LabHost, Mode } from "./lab.ts";

const MIB = 2 ** 20;
/** The port that a public host's router would forward, for TCP; its UDP ports begin there too. */
const PUBLIC_PORT = 4470;
/** A pair of homes may take so long until each reaches the other, and until a hole is punched. */
const REACH_MAX_MS = 60_000;

/** How the bytes of two peers travel. */
export type Way = "direct" | "punched" | "relayed";

/** What `holdfast peers --json` says of one. */
export interface SeenPeer {
  id: string;
  reachable?: boolean;
  carrier?: Way;
}

/** What was seen of a pair of homes. Times in milliseconds. */
export interface Cell {
  from: Mode;
  to: Mode;
  carrier: Way;
  /** From `join` to its end, the slower of the two. */
  joinMs: number;
  /** From the end of the second `join` until one home had an answer of the other. */
  reachMs: number;
  /** From there until the carrier was no relay, or undefined where it stayed one. */
  punchMs: number | undefined;
  putMs: number;
  getMs: number;
  /** What the public host carried during put and get, both ways together. */
  throughRelayMib: number;
}

/** Starts the public host: it founds the swarm, serves as bootstrap node and relay, and holds
 * nothing.
 * @param command that starts it */
export async function found(host: LabHost, command: "up" | "tracker" = "up"): Promise<void> {
  const address = `${host.address}:${PUBLIC_PORT}`;
  await host.init({
    port: PUBLIC_PORT,
    public_address: address,
    file_storage: 0,
    // What relaying costs is measured, not what it is limited to.
    relay_limit: "1 GiB",
  });
  if (command === "up") await host.up();
  else await host.ask("tracker", "--detach");
}

/** An invitation as a script gets it. */
export async function invite(host: LabHost, ...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await host.run("invite", ...words);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^holdfast:\/\/join\/\S+\n$/);
  return stdout.trim();
}

/** Makes a home with this configuration join, and gives how long joining took. */
export async function joinSwarm(
  host: LabHost,
  invitation: string,
  config: Readonly<Record<string, string | number>> = {},
): Promise<number> {
  await host.init(config);
  const fromMs = performance.now();
  await host.ask("join", invitation);
  return performance.now() - fromMs;
}

/** What a host knows of a peer now.
 * @param probe whether it asks the peer first */
export async function look(host: LabHost, peer: { id: string }, probe = false): Promise<SeenPeer> {
  const words = probe ? ["--probe"] : [];
  const { peers } = await host.ask<{ peers: SeenPeer[] }>("peers", ...words);
  return peers.find(({ id }) => id === peer.id) ?? { id: peer.id };
}

/** Waits until a host has an answer of a peer, over that carrier where one is named. */
export function untilReached(host: LabHost, peer: LabHost, way?: Way): Promise<void> {
  const reached = async (): Promise<boolean> => {
    const { reachable, carrier } = await look(host, peer, true);
    return reachable === true && (way === undefined || carrier === way);
  };
  return until(`${host.name} reaches ${peer.name}, ${way ?? "somehow"}`, reached, REACH_MAX_MS);
}

/** Waits until the carrier to a peer is no relay, and gives how long that took. */
async function untilUnrelayed(host: LabHost, peer: LabHost): Promise<number> {
  const fromMs = performance.now();
  const better = async (): Promise<boolean> => {
    const { carrier } = await look(host, peer, true);
    return carrier === "direct" || carrier === "punched";
  };
  await until(`${host.name} needs no relay to ${peer.name}`, better, REACH_MAX_MS);
  return performance.now() - fromMs;
}

/** Puts a random file and gets it back from the peers alone. */
async function transfer(
  lab: NatLab,
  owner: LabHost,
  sizeBytes: number,
): Promise<{ putMs: number; getMs: number }> {
  const [file, again] = [lab.path("file"), lab.path("again")];
  writeRandom(file, sizeBytes);
  const startedMs = performance.now();
  await owner.ask("put", file, "/file");
  const storedMs = performance.now();
  await owner.ask("get", "/file", again, "--peers-only");
  const gotMs = performance.now();
  assert.equal(digest(again), digest(file));
  for (const path of [file, again]) rmSync(path);
  return { putMs: storedMs - startedMs, getMs: gotMs - storedMs };
}

/** Runs one cell: two homes join, one stores a file with the other and gets it back.
 * @param mayRelay whether a carrier other than a relay is not waited for */
export async function runCell(
  from: Mode,
  to: Mode,
  options: { sizeMib: number; mayRelay: boolean },
): Promise<Cell> {
  const lab = NatLab.build({ pub1: "open", homeA: from, homeB: to });
  try {
    return await lab.explain(async () => {
      const [founder, owner, holder] = [lab.host("pub1"), lab.host("homeA"), lab.host("homeB")];
      await found(founder);
      const invitation = await invite(founder, "--uses", "2");
      const joins = [
        await joinSwarm(holder, invitation, { file_storage: `${2 * options.sizeMib + 64} MiB` }),
        // With this code the file lies with one holder: only the other home offers space.
        await joinSwarm(owner, invitation, { file_storage: 0, code: "1/1" }),
      ];
      const joinedMs = performance.now();
      await untilReached(owner, holder);
      const reachMs = performance.now() - joinedMs;
      const punchMs = options.mayRelay ? undefined : await untilUnrelayed(owner, holder);
      const { carrier } = await look(owner, holder);
      assert.ok(carrier !== undefined, "the carrier is not known");
      const before = lab.carriedBytes("pub1");
      const times = await transfer(lab, owner, options.sizeMib * MIB);
      const throughRelayMib = (lab.carriedBytes("pub1") - before) / MIB;
      const joinMs = Math.max(...joins);
      return { from, to, carrier, joinMs, reachMs, punchMs, ...times, throughRelayMib };
    });
  } finally {
    await lab.remove();
  }
}

/** Fails where the bytes did not travel as the peer said: independent of what peers say, the
 * public host's line counts what it carries.
 * @param sizeMib of the file, which travels twice */
export function assertCarried(cell: Cell, sizeMib: number): void {
  const { carrier, throughRelayMib: carried } = cell;
  // A relay receives and sends everything.
  if (carrier === "relayed") assert.ok(carried > 4 * sizeMib, `only ${carried} MiB were relayed`);
  else assert.ok(carried < sizeMib / 4, `${carrier}, yet the relay carried ${carried} MiB`);
}
