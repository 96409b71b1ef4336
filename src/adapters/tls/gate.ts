import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Standing } from "../../ports/net.ts";
import type { SessionBounds } from "../net/options.ts";
import { KNOCK_BYTES } from "./knock.ts";

/** Connections that have not proven anything yet. When there are too many, the oldest gives way:
 * an honest peer knocks with its first packet, so it is through before it is old. */
export class HalfOpen {
  readonly #bounds: SessionBounds;
  readonly #all = new Set<Duplex>();
  readonly #byAddress = new Map<string, Set<Duplex>>();

  constructor(bounds: SessionBounds) {
    this.#bounds = bounds;
  }

  /** Takes a new connection in; it leaves by `leave` or when it closes. */
  enter(socket: Duplex): void {
    const address = addressOf(socket);
    const same = this.#byAddress.get(address) ?? new Set<Duplex>();
    if (same.size >= this.#bounds.halfOpenPerAddressMax) dropOldest(same);
    else if (this.#all.size >= this.#bounds.halfOpenMax) dropOldest(this.#all);
    this.#byAddress.set(address, same.add(socket));
    this.#all.add(socket);
    const leave = (): void => {
      this.#all.delete(socket);
      same.delete(socket);
      if (same.size === 0 && this.#byAddress.get(address) === same) this.#byAddress.delete(address);
    };
    socket.once("close", leave);
    socket.once(PROVEN, leave);
  }

  /** The connection has become a session. */
  leave(socket: Duplex): void {
    socket.emit(PROVEN);
  }

  destroyAll(): void {
    for (const socket of this.#all) socket.destroy();
  }
}

const PROVEN = Symbol("proven");

/** IPv6 addresses count by their /64: one household has billions. */
function addressOf(socket: Duplex): string {
  const address = (socket instanceof Socket ? socket.remoteAddress : undefined) ?? "";
  if (!address.includes(":") || address.startsWith("::ffff:")) return address;
  return address.split(":").slice(0, 4).join(":");
}

function dropOldest(sockets: Set<Duplex>): void {
  for (const socket of sockets) {
    sockets.delete(socket);
    socket.destroy();
    return;
  }
}

/** Reads exactly the knock off a fresh connection. What came after it stays in the socket, where
 * TLS finds it. Whoever knocks wrongly, late or not at all is closed without a byte.
 * @param onKnocked called at most once, with a connection that knocked rightly */
export function awaitKnock(
  socket: Duplex,
  standingOf: (knock: Uint8Array) => Standing | undefined,
  deadlineMs: number,
  onKnocked: (standing: Standing) => void,
): void {
  awaitBytes(socket, KNOCK_BYTES, deadlineMs, (knock) => {
    const standing = standingOf(knock);
    if (standing === undefined) socket.destroy();
    else onKnocked(standing);
  });
}

/** Reads exactly `count` bytes off a fresh connection; what came after them stays in it. Whoever
 * sends less until the deadline is closed.
 * @param onBytes called at most once */
export function awaitBytes(
  socket: Duplex,
  count: number,
  deadlineMs: number,
  onBytes: (bytes: Uint8Array) => void,
): void {
  const timer = setTimeout(() => socket.destroy(), deadlineMs).unref();
  const done = (): void => {
    clearTimeout(timer);
    socket.off("readable", onReadable);
    socket.off("close", done);
  };
  const onReadable = (): void => {
    const bytes = socket.read(count) as Uint8Array | null;
    if (bytes === null) return;
    done();
    if (bytes.length === count) onBytes(bytes);
    else socket.destroy();
  };
  socket.on("readable", onReadable);
  socket.once("close", done);
}
