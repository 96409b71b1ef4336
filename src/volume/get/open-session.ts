import { HoldfastError } from "../../base/error.ts";
import type { Channel } from "../../ports/workers.ts";
import { VolumeError } from "../error.ts";
import type {
  DirectoryEnd,
  OpenCommand,
  OpenCounts,
  OpenEvent,
  OpenItem,
  OpenPiece,
} from "./messages.ts";

interface Waiting {
  resolve: () => void;
  reject: (error: Error) => void;
}

/** The service's end of an open worker. */
export class OpenSession {
  /** Files and bytes that the worker has said to be done. */
  counts: OpenCounts = { files: 0, bytes: 0 };
  readonly #channel: Channel;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #failure: Error | undefined;
  #ended = false;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.receive((message) => this.#handle(message as OpenEvent));
    channel.failed((cause) => {
      this.#fail(new VolumeError("WORKER_FAILED", "the opening thread ended", { cause }));
      this.#ended = true;
      for (const call of this.#waiting.keys()) this.#answer(call);
    });
  }

  /** Makes directories and links, and takes note of files. */
  make(items: OpenItem[]): void {
    if (items.length > 0) this.#post({ type: "make", items });
  }

  /** Opens chunks and writes them. When it ends, whichever way, the arena is not read any more.
   * @throws what went wrong first */
  write(pieces: OpenPiece[]): Promise<void> {
    return this.#call((call) => ({ type: "write", call, pieces }));
  }

  /** Sets modes and times of directories that are complete. */
  finish(directories: DirectoryEnd[]): void {
    if (directories.length > 0) this.#post({ type: "finish", directories });
  }

  /** Waits until everything so far was done.
   * @throws what went wrong first */
  sync(): Promise<void> {
    return this.#call((call) => ({ type: "sync", call }));
  }

  /** Removes what is not complete, and ends the worker. Never throws. */
  async close(): Promise<void> {
    try {
      await this.#call((call) => ({ type: "stop", call }));
    } catch {
      // Whoever waits for the work gets the failure; here all that counts is that it has ended.
    }
    await this.#channel.close();
  }

  #post(command: OpenCommand): void {
    this.#channel.post(command);
  }

  #call(make: (call: number) => OpenCommand): Promise<void> {
    const call = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, { resolve, reject });
      if (this.#ended) this.#answer(call);
      else this.#post(make(call));
    });
  }

  #handle(event: OpenEvent): void {
    if (event.type === "failure") {
      const { code, message, hint } = event;
      return this.#fail(new HoldfastError(code, message, hint === undefined ? {} : { hint }));
    }
    this.counts = event.counts;
    this.#answer(event.call);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
  }

  /** A call that waits while something goes wrong is still answered by the worker. */
  #answer(call: number): void {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    if (this.#failure === undefined) waiting?.resolve();
    else waiting?.reject(this.#failure);
  }
}
