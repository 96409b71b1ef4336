import type HyperDHT from "hyperdht";
import { STREAM_MESSAGE_MAX_BYTES } from "./limits.ts";

const NUDGES_MS = [15, 40, 100, 250];

/** Ends a session in which a message is longer than ours are: the library reserves whatever length
 * a peer names, up to 16 MiB. */
export function boundMessages(stream: HyperDHT.SecretStream): void {
  stream.rawStream?.on("data", () => {
    if (stream._len > STREAM_MESSAGE_MAX_BYTES) stream.destroy(new Error("a message is too long"));
  });
}

/** Resolves when the first bytes of the other side have come: only then both ways are open.
 * @throws Error where the stream closes before */
export function firstBytes(stream: HyperDHT.SecretStream): Promise<void> {
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    stream.on("error", (error: Error) => {
      failure = error;
    });
    stream.once("close", () => reject(failure ?? new Error("the stream was closed")));
    void stream.opened.then((isOpen) => {
      const raw = stream.rawStream;
      if (!isOpen || raw === null) return;
      if (raw.bytesReceived > 0) resolve();
      else raw.once("data", () => resolve());
    });
  });
}

/** A relay loses what one side sends before the other has: the loss is noticed when something later
 * arrives, else only after a second. This sends empty messages, which nobody sees, until the other
 * side is heard. */
export function nudge(stream: HyperDHT.SecretStream): void {
  const timers = NUDGES_MS.map((delayMs) =>
    setTimeout(() => {
      stream.sendKeepAlive();
    }, delayMs).unref(),
  );
  const stop = (): void => timers.forEach((timer) => clearTimeout(timer));
  stream.once("data", stop);
  stream.once("close", stop);
}
