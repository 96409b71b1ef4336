import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

/** The connection below each secured one. */
const BELOW = new WeakMap<Duplex, Duplex>();

/** Notes which connection a secured one runs on. */
export function noteBelow(socket: Duplex, raw: Duplex): void {
  BELOW.set(socket, raw);
}

/** Ends a connection so that the other side sees that it broke. Merely closed, it would look there
 * like an orderly end. */
export function breakOff(socket: Duplex): void {
  const raw = BELOW.get(socket);
  // The secured one closes with it; destroyed as well, it would leave the handle open.
  const isPlain = raw instanceof Socket && !(raw instanceof TLSSocket);
  if (isPlain && !raw.destroyed && !socket.destroyed) raw.resetAndDestroy();
  else socket.destroy();
}
