import { once } from "node:events";
import type { Duplex } from "node:stream";

/** Called with the length of every piece before it is passed on: a promise is waited for and holds
 * back what follows; throwing ends the stream. */
export type Meter = (
  lengthBytes: number,
  isForth: boolean,
  signal: AbortSignal,
) => Promise<void> | undefined;

/** Carries bytes between two sockets, both ways, until both directions have ended or one socket
 * breaks: then both are destroyed at once. Each direction holds at most one piece beside what the
 * two sockets buffer, and ends on its own.
 * @param forth from it to `back` is the meter's `isForth`
 * @returns when both sockets are closed; never rejects */
export async function splice(forth: Duplex, back: Duplex, meter: Meter): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  const abandon = (): void => {
    over.abort();
    forth.destroy();
    back.destroy();
  };
  const closed = [forth, back].map((socket) => {
    // The end of one direction must not end the other one.
    socket.allowHalfOpen = true;
    socket.on("error", abandon);
    return new Promise<void>((resolve) => {
      const onClose = (): void => {
        // Where both of its directions have ended, its last bytes are still on their way.
        if (!socket.readableEnded || !socket.writableFinished) abandon();
        resolve();
      };
      if (socket.closed) onClose();
      else socket.once("close", onClose);
    });
  });
  const carry = async (from: Duplex, to: Duplex, isForth: boolean): Promise<void> => {
    try {
      const pieces = from.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
      for await (const piece of pieces) {
        const turn = meter(piece.length, isForth, signal);
        if (turn !== undefined) await turn;
        if (!to.write(piece)) await once(to, "drain", { signal });
      }
      to.end();
    } catch {
      abandon();
    }
  };
  await Promise.all([carry(forth, back, true), carry(back, forth, false), ...closed]);
}
