import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cpuSeconds, peakRssMib, run } from "./process.ts";
import type { Finished } from "./process.ts";

const HOLDFAST = fileURLToPath(new URL("../bin/holdfast", import.meta.url));

interface Started {
  home: string;
  owner?: { pid: number };
  peers: { pid: number }[];
}

/** Real daemons on this machine, each with its own home: what the command `demo` starts. */
export class BenchSwarm {
  readonly #dir: string;
  readonly #started: Started;
  readonly #ownerPid: number;

  private constructor(dir: string, started: Started, ownerPid: number) {
    this.#dir = dir;
    this.#started = started;
    this.#ownerPid = ownerPid;
  }

  static async start(dir: string, peers: number, code: string | undefined): Promise<BenchSwarm> {
    const coded = code === undefined ? [] : ["--code", code];
    const args = ["demo", "--peers", String(peers), "--dir", dir, "--detach", "--json", ...coded];
    const started = JSON.parse((await run(HOLDFAST, args)).stdout) as Started;
    const status = await run(HOLDFAST, ["--home", started.home, "status", "--json"]);
    const { pid } = JSON.parse(status.stdout) as { pid: number };
    return new BenchSwarm(dir, started, pid);
  }

  /** Runs a command of the owner. */
  hold(...args: string[]): Promise<Finished> {
    return run(HOLDFAST, ["--home", this.#started.home, ...args]);
  }

  /** CPU seconds so far, of the owner's daemon and of all holders together. */
  cpu(): { owner: number; holders: number } {
    const holders = this.#started.peers.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
    return { owner: cpuSeconds(this.#ownerPid), holders };
  }

  /** Most memory of the owner's daemon so far. */
  peakRssMib(): number {
    return peakRssMib(this.#ownerPid);
  }

  async stop(): Promise<void> {
    await run(HOLDFAST, ["demo", "stop", "--dir", this.#dir]);
  }
}

/** A path of the bench's folder. */
export function within(dir: string, name: string): string {
  return join(dir, name);
}
