import { HoldfastError, codeOf, messageOf } from "../../base/error.ts";
import { attachArena } from "../../kernels/arena.ts";
import type { TargetFiles } from "../../ports/target.ts";
import type { Channel } from "../../ports/workers.ts";
import type { OpenCommand, OpenEvent, OpenItem, OpenSetup } from "./messages.ts";
import { OpenFiles } from "./open-files.ts";
import { OpenRun } from "./open-run.ts";
import { targetError } from "./target-error.ts";

export type { OpenSetup } from "./messages.ts";

export interface OpenWorkerParts {
  setup: OpenSetup;
  target: TargetFiles;
}

/** Serves the commands of one restore until the channel is closed: opens chunks that lie in the
 * arena, checks them against their names, and writes them to the user's disk. */
export function runOpenWorker(channel: Channel, parts: OpenWorkerParts): void {
  const worker = new OpenWorker(channel, parts);
  channel.receive((message) => worker.handle(message as OpenCommand));
}

class OpenWorker {
  readonly #channel: Channel;
  readonly #target: TargetFiles;
  readonly #files: OpenFiles;
  readonly #run: OpenRun;
  #failed = false;

  constructor(channel: Channel, { setup, target }: OpenWorkerParts) {
    this.#channel = channel;
    this.#target = target;
    this.#files = new OpenFiles(target);
    const arena = attachArena(setup.memory);
    this.#run = new OpenRun(setup.keys, this.#files, arena, setup.stagingAt);
  }

  handle(command: OpenCommand): void {
    if (!this.#failed) {
      try {
        this.#do(command);
      } catch (error) {
        this.#fail(error);
      }
    }
    if (command.type === "stop") this.#end();
    if ("call" in command) {
      this.#post({ type: "answer", call: command.call, counts: { ...this.#files.counts } });
    }
  }

  #do(command: OpenCommand): void {
    switch (command.type) {
      case "make":
        for (const item of command.items) this.#make(item);
        return;
      case "write":
        for (const piece of command.pieces) this.#run.add(piece);
        return this.#run.flush();
      case "finish":
        for (const { path, mode, mtimeNs } of command.directories) {
          guarded(path, () => this.#target.finish(path, mode, mtimeNs));
        }
        return;
      case "sync":
      case "stop":
    }
  }

  #make(item: OpenItem): void {
    const { path } = item;
    if (item.kind === "directory") return guarded(path, () => this.#target.enter(path));
    if (item.kind === "file") return this.#files.expect(item);
    guarded(path, () => this.#target.link(path, item.content, item.mtimeNs));
    this.#files.counts.files++;
  }

  #fail(error: unknown): void {
    this.#end();
    const hint = error instanceof HoldfastError ? error.hint : undefined;
    this.#post({
      type: "failure",
      code: codeOf(error) ?? "WORKER_FAILED",
      message: messageOf(error),
      ...(hint === undefined ? {} : { hint }),
    });
  }

  #end(): void {
    this.#failed = true;
    this.#run.drop();
    this.#files.abort();
  }

  #post(event: OpenEvent): void {
    this.#channel.post(event);
  }
}

function guarded(path: Uint8Array, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw targetError(error, path);
  }
}
