// What tests of whole swarms in the lab have in common.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { until, writeRandom } from "../e2e/harness.ts";
import { digest } from "../e2e/trees.ts";
import type { SeenPeer } from "./cell.ts";
import { NatLab } from "./lab.ts";
import type { LabHost, Mode } from "./lab.ts";

const FILE_BYTES = 5_000_000;
/** How long it may take until peers have heard of each other. */
export const MEET_MAX_MS = 90_000;

/** Runs a test in a lab of its own. */
export async function within(
  hosts: Readonly<Record<string, Mode>>,
  run: (lab: NatLab) => Promise<void>,
): Promise<void> {
  const lab = NatLab.build(hosts);
  try {
    await lab.explain(() => run(lab));
  } finally {
    await lab.remove();
  }
}

/** The ids of those who answer a host. */
export async function answering(host: LabHost): Promise<Set<string>> {
  const { peers } = await host.ask<{ peers: SeenPeer[] }>("peers", "--probe");
  return new Set(peers.filter(({ reachable }) => reachable === true).map(({ id }) => id));
}

/** Waits until all of these answer a host. */
export async function untilMet(host: LabHost, others: readonly LabHost[]): Promise<void> {
  const met = async (): Promise<boolean> => {
    const ids = await answering(host);
    return others.every(({ id }) => ids.has(id));
  };
  const names = others.map(({ name }) => name).join(", ");
  await until(`${host.name} has answers of ${names}`, met, MEET_MAX_MS);
}

/** Puts a random file under its name in the lab's folder, and gets it from the peers. */
export async function putAndGet(lab: NatLab, owner: LabHost, name: string): Promise<void> {
  writeRandom(lab.path(name), FILE_BYTES);
  await owner.ask("put", lab.path(name), `/${name}`);
  await assertThere(lab, owner, name);
}

/** Gets a file that was put, and compares. */
export async function assertThere(lab: NatLab, owner: LabHost, name: string): Promise<void> {
  const again = lab.path(`${name}-again`);
  rmSync(again, { force: true });
  await owner.ask("get", `/${name}`, again, "--peers-only");
  assert.equal(digest(again), digest(lab.path(name)));
}
