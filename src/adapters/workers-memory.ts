import type { Channel, Workers } from "../ports/workers.ts";

/** What a worker thread would run: it serves `channel` and gets what `setup` was cloned to. */
export type MemoryTask = (channel: Channel, setup: unknown) => void;

/** The twin of worker threads: tasks are functions of this thread. Messages are cloned and come in
 * order, each in a turn of its own. A task that throws ends its line as a dying thread would; one
 * that was closed is not stopped, but nothing of what it says arrives. */
export function memoryWorkers(tasks: Readonly<Record<"pack" | "open", MemoryTask>>): Workers {
  return {
    start(task, setup) {
      const [owner, worker] = lineOf();
      worker.guard(() => tasks[task](worker, structuredClone(setup)));
      return owner;
    },
  };
}

/** Both ends of a line; the first is the owner's. */
function lineOf(): [End, End] {
  const owner = new End();
  const worker = new End();
  owner.connect(worker);
  worker.connect(owner);
  return [owner, worker];
}

class End implements Channel {
  readonly #inbox: unknown[] = [];
  #other: End | undefined;
  #handler: ((message: unknown) => void) | undefined;
  #onFailure: ((error: Error) => void) | undefined;
  #failure: Error | undefined;
  #isClosed = false;
  #isDue = false;

  connect(other: End): void {
    this.#other = other;
  }

  post(message: unknown): void {
    if (!this.#isClosed) this.#other?.deliver(structuredClone(message));
  }

  receive(handler: (message: unknown) => void): void {
    this.#handler = handler;
    this.#schedule();
  }

  failed(handler: (error: Error) => void): void {
    this.#onFailure = handler;
    if (this.#failure !== undefined) handler(this.#failure);
  }

  async close(): Promise<void> {
    this.shut();
    this.#other?.shut();
  }

  shut(): void {
    this.#isClosed = true;
    this.#inbox.length = 0;
  }

  deliver(message: unknown): void {
    if (this.#isClosed) return;
    this.#inbox.push(message);
    this.#schedule();
  }

  /** Runs code of this end; what it throws is the end of it, as the other one is told. */
  guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.shut();
      this.#other?.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  fail(error: Error): void {
    if (this.#isClosed) return;
    this.#failure = error;
    this.#onFailure?.(error);
  }

  #schedule(): void {
    if (this.#isDue || this.#handler === undefined || this.#inbox.length === 0) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      const handler = this.#handler;
      if (this.#isClosed || handler === undefined || this.#inbox.length === 0) return;
      const message = this.#inbox.shift();
      this.guard(() => handler(message));
      this.#schedule();
    });
  }
}
