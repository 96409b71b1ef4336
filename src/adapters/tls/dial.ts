import { connect as connectRaw } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, type SecureContext, type TLSSocket } from "node:tls";
import { formatAddress, parseAddress, type HostPort } from "../../base/address.ts";
import { idBytes, type PeerId } from "../../base/id.ts";
import { BLOCK_BYTES } from "../../base/limits.ts";
import { messageOf } from "../../base/error.ts";
import { noteBelow } from "../net/break-off.ts";
import { NetError } from "../net-error.ts";
import { provenPeer } from "./certificate.ts";

/** The next address is tried when the one before has not answered for so long (RFC 8305). */
const STAGGER_MS = 250;
const ADDRESSES_MAX = 8;

/** What dialling needs. */
export interface DialOptions {
  context: SecureContext;
  knock: (dialled: Uint8Array) => Uint8Array;
  /** The first bytes inside TLS: they bind the knock to the session. */
  prove: (socket: TLSSocket) => Uint8Array;
  /** From dialling to a proven session. */
  connectMs: number;
  /** Hears of every address that was tried to its end. */
  onTried?: (peer: PeerId, address: string, isThere: boolean) => void;
}

/** Opens a session to `peer` at whichever of the addresses answers first.
 * @throws NetError PEER_UNKNOWN | PEER_UNREACHABLE | PEER_IMPOSTOR | PEER_TIMEOUT */
export async function raceAddresses(
  texts: readonly string[],
  peer: PeerId,
  options: DialOptions,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const addresses = texts
    .map(parseAddress)
    .filter((address) => address !== undefined)
    .slice(0, ADDRESSES_MAX);
  if (addresses.length === 0) {
    throw new NetError("PEER_UNKNOWN", `peer ${peer}: no address is known`, {
      hint: "add its address to the peer list",
    });
  }
  const settled = new AbortController();
  const deadline = AbortSignal.timeout(options.connectMs);
  const stop = AbortSignal.any([signal, settled.signal, deadline]);
  try {
    let before: Promise<unknown> | undefined;
    const attempts = addresses.map((address) => {
      const turn = before === undefined ? undefined : turnAfter(before, stop);
      const attempt = Promise.resolve(turn).then(() => tryAddress(address, peer, options, stop));
      before = attempt;
      return attempt;
    });
    return await Promise.any(attempts);
  } catch (error) {
    signal.throwIfAborted();
    throw whyNot(peer, error, deadline.aborted, options.connectMs);
  } finally {
    settled.abort();
  }
}

async function tryAddress(
  address: HostPort,
  peer: PeerId,
  options: DialOptions,
  stop: AbortSignal,
): Promise<TLSSocket> {
  const text = formatAddress(address);
  try {
    const socket = await dialAddress(address, peer, options, stop);
    options.onTried?.(peer, text, true);
    return socket;
  } catch (error) {
    // One that was given up because another was faster may be right.
    if (!stop.aborted) options.onTried?.(peer, text, false);
    throw error;
  }
}

function whyNot(peer: PeerId, error: unknown, late: boolean, connectMs: number): NetError {
  const causes: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
  // An address where somebody else answers says more than one where nobody does.
  const impostor = causes.find((cause) => cause instanceof NetError);
  if (impostor instanceof NetError) return impostor;
  if (late) return new NetError("PEER_TIMEOUT", `peer ${peer}: no session within ${connectMs} ms`);
  const why = messageOf(causes[0]);
  return new NetError("PEER_UNREACHABLE", `peer ${peer}: ${why}`, { cause: error });
}

function dialAddress(
  address: HostPort,
  peer: PeerId,
  options: DialOptions,
  stop: AbortSignal,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    stop.throwIfAborted();
    const raw = connectRaw({ ...address, noDelay: true });
    const fail = (error: Error): void => {
      stop.removeEventListener("abort", onAbort);
      raw.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(new Error("given up"));
    stop.addEventListener("abort", onAbort, { once: true });
    raw.once("error", fail);
    raw.once("connect", () => {
      stop.removeEventListener("abort", onAbort);
      raw.off("error", fail);
      secureDialled(raw, peer, options, stop).then(resolve, reject);
    });
  });
}

/** Knocks on a connection that leads to `peer`, finishes the handshake and proves who is there.
 * Destroys the connection where that fails.
 * @throws NetError PEER_IMPOSTOR; Error for whatever broke */
export function secureDialled(
  raw: Duplex,
  peer: PeerId,
  options: DialOptions,
  stop: AbortSignal,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      stop.removeEventListener("abort", onAbort);
      raw.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(new Error("given up"));
    raw.once("error", fail);
    if (stop.aborted) return onAbort();
    stop.addEventListener("abort", onAbort, { once: true });
    raw.write(options.knock(idBytes(peer)));
    // Our own check below: the key is the identity, there is no authority and no name.
    // The mark bounds what waits in JavaScript; node takes it, its types do not know it.
    const session = {
      socket: raw,
      secureContext: options.context,
      rejectUnauthorized: false,
      highWaterMark: BLOCK_BYTES,
    };
    const socket = connectTls(session);
    noteBelow(socket, raw);
    const onClose = (): void => fail(new Error("the connection was closed unanswered"));
    socket.once("close", onClose);
    // An error is always followed by close; a session without a request must not throw it.
    socket.on("error", fail);
    socket.once("secureConnect", () => {
      const proven = provenPeer(socket);
      if (proven !== peer) {
        const who = proven === undefined ? "nobody proven" : `peer ${proven}`;
        socket.destroy();
        fail(new NetError("PEER_IMPOSTOR", `peer ${peer}: ${who} answered at its address`));
        return;
      }
      stop.removeEventListener("abort", onAbort);
      socket.off("close", onClose);
      if (stop.aborted) socket.destroy();
      else socket.write(options.prove(socket));
      resolve(socket);
    });
  });
}

/** Resolves when the attempt `before` has failed or has taken too long already. */
function turnAfter(before: Promise<unknown>, stop: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, STAGGER_MS);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(new Error("given up"));
    };
    stop.addEventListener("abort", onAbort, { once: true });
    before.catch(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
