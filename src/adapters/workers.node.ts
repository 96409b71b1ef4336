import { Worker, parentPort, workerData } from "node:worker_threads";
import type { Channel, Workers } from "../ports/workers.ts";

/** What a worker thread is started with. */
export interface WorkerTask {
  task: "pack" | "open";
  setup: unknown;
}

/** Threads of this process. `entry` is the module that runs in each; it calls `workerChannel`. */
export function nodeWorkers(entry: URL): Workers {
  return {
    start(task, setup) {
      const data: WorkerTask = { task, setup };
      const worker = new Worker(entry, { workerData: data });
      worker.unref();
      return channelOf(worker);
    },
  };
}

/** In a worker thread: its task, and its end of the line. */
export function workerChannel(): WorkerTask & { channel: Channel } {
  const port = parentPort;
  if (port === null) throw new TypeError("workerChannel is called in a worker thread");
  const data = workerData as WorkerTask;
  const channel: Channel = {
    post: (message) => port.postMessage(message),
    receive: (handler) => port.on("message", handler),
    failed: () => undefined,
    close: async () => port.close(),
  };
  return { ...data, channel };
}

function channelOf(worker: Worker): Channel {
  let closing = false;
  let failure: Error | undefined;
  let onFailure: ((error: Error) => void) | undefined;
  const fail = (error: Error): void => {
    if (closing || failure !== undefined) return;
    failure = error;
    onFailure?.(error);
  };
  worker.on("error", (error) => fail(error instanceof Error ? error : new Error(String(error))));
  worker.on("exit", (status) => fail(new Error(`the thread ended with status ${status}`)));
  return {
    post: (message) => worker.postMessage(message),
    receive: (handler) => worker.on("message", handler),
    failed: (handler) => {
      onFailure = handler;
      if (failure !== undefined) handler(failure);
    },
    close: async () => {
      closing = true;
      await worker.terminate();
    },
  };
}
