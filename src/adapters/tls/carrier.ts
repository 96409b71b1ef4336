import { createServer as createTcp, type Server } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { messageOf } from "../../base/error.ts";
import type { PeerId } from "../../base/id.ts";
import type { Log } from "../../ports/log.ts";
import type { CarrierKind } from "../../ports/net.ts";
import type { Carrier, Session } from "../net/carrier.ts";
import { SESSION_BOUNDS, SESSION_TIMES } from "../net/options.ts";
import { Acceptor } from "./accept.ts";
import { peerContext } from "./context.ts";
import { raceAddresses, secureDialled, type DialOptions } from "./dial.ts";
import { createKnocker, createKnockGuard } from "./knock.ts";
import { proofOf } from "./proof.ts";
import type { TlsNetOptions } from "./options.ts";

/** The direct carrier: TCP, the knock, mutual TLS 1.3 over the peer keys. What it does on a TCP
 * connection, relays let it do on a connection that they splice.
 * @see docs/protocol.md */
export interface DirectCarrier extends Carrier {
  /** The port that it listens on. */
  readonly port: number;
  /** Opens a session to `peer` at one address, and proves it.
   * @throws NetError */
  dialAt(address: string, peer: PeerId, signal: AbortSignal): Promise<Duplex>;
  /** Knocks and finishes the handshake on a connection that leads to `peer`. */
  secure(raw: Duplex, peer: PeerId, signal: AbortSignal): Promise<Duplex>;
  /** Takes a connection in, as if it had come to the port. */
  accept(raw: Duplex, carrier: CarrierKind): void;
}

/** Opens the direct carrier. */
export function openDirectCarrier(options: TlsNetOptions): DirectCarrier {
  const times = { ...SESSION_TIMES, ...options.times };
  const bounds = { ...SESSION_BOUNDS, ...options.bounds };
  const { key, swarmKeys, clock, random, directory, log } = options;
  const context = peerContext(key);
  const knock = createKnocker(swarmKeys, clock, random);
  const { onTried } = options;
  const heard = onTried === undefined ? {} : { onTried };
  const prove = (socket: TLSSocket): Uint8Array => proofOf(swarmKeys, socket);
  const dial: DialOptions = { context, knock, prove, connectMs: times.connectMs, ...heard };
  let take: ((session: Session) => void) | undefined;
  const acceptor = new Acceptor({
    context,
    swarmKeys,
    standingOf: createKnockGuard(swarmKeys, key.publicKey, clock),
    bounds,
    handshakeMs: times.handshakeMs,
    log,
    take: (session) => {
      if (take === undefined) session.socket.destroy();
      else take(session);
    },
  });
  const tcp = createTcp({ noDelay: true }, (socket) => acceptor.accept(socket, "direct"));
  const addressesOf = (peer: PeerId): readonly string[] => directory.find(peer)?.addresses ?? [];
  return {
    kind: "direct",
    get port() {
      return portOf(tcp);
    },
    mayReach: (peer) => addressesOf(peer).length > 0,
    dial: (peer, signal) => raceAddresses(addressesOf(peer), peer, dial, signal),
    dialAt: (address, peer, signal) => raceAddresses([address], peer, dial, signal),
    secure: (raw, peer, signal) => secureDialled(raw, peer, dial, signal),
    accept: (raw, carrier) => acceptor.accept(raw, carrier),
    async listen(taker) {
      take = taker;
      await listenOn(tcp, options, log);
    },
    async close() {
      const closed = new Promise<void>((resolve) => {
        if (tcp.listening) tcp.close(() => resolve());
        else resolve();
      });
      acceptor.close();
      await closed;
    },
  };
}

/** Listens; rejects with the system's error where the port is taken. */
function listenOn(tcp: Server, at: { port?: number; host?: string }, log: Log): Promise<void> {
  return new Promise((resolve, reject) => {
    tcp.once("error", reject);
    tcp.listen({ port: at.port ?? 0, ...(at.host === undefined ? {} : { host: at.host }) }, () => {
      tcp.off("error", reject);
      // Out of file descriptors, say: the listener stays, the next connection may do.
      tcp.on("error", (error) => log.write("warn", "net.listener", { reason: messageOf(error) }));
      resolve();
    });
  });
}

function portOf(tcp: Server): number {
  const address = tcp.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
