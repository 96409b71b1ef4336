import { join } from "node:path";
import { hasCommand, run } from "./process.ts";

const PASSWORD = { RESTIC_PASSWORD: "bench" };

/** restic with a repository on the local disk: no network, one copy. */
export class Restic {
  readonly #repository: string;

  private constructor(repository: string) {
    this.#repository = repository;
  }

  /** A fresh repository below `dir`, or undefined where restic is not installed. */
  static async start(dir: string): Promise<Restic | undefined> {
    if (!(await hasCommand("restic"))) return undefined;
    const restic = new Restic(join(dir, "restic"));
    await restic.#run("init");
    return restic;
  }

  /** Seconds to back up what lies at a path. */
  async backup(path: string): Promise<number> {
    return (await this.#run("backup", path)).seconds;
  }

  /** Seconds to restore the latest snapshot into an empty folder. */
  async restore(target: string): Promise<number> {
    return (await this.#run("restore", "latest", "--target", target)).seconds;
  }

  #run(...args: string[]): ReturnType<typeof run> {
    return run("restic", ["--quiet", "--repo", this.#repository, ...args], PASSWORD);
  }
}
