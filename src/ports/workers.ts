/** One end of a line between a service and its worker. Messages are cloned; what a shared memory
 * holds is shared. */
export interface Channel {
  post(message: unknown): void;
  /** Sets the one receiver of messages; those that came before wait for it. */
  receive(handler: (message: unknown) => void): void;
  /** Sets what happens when the other end ends without having been closed. */
  failed(handler: (error: Error) => void): void;
  /** Ends the worker, whatever it is doing. */
  close(): Promise<void>;
}

/** Starts threads for what costs CPU time. `setup` is cloned to the worker. */
export interface Workers {
  start(task: "pack" | "open", setup: unknown): Channel;
}
