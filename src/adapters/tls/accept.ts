import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket, type SecureContext } from "node:tls";
import { formatAddress } from "../../base/address.ts";
import { messageOf } from "../../base/error.ts";
import type { Log } from "../../ports/log.ts";
import type { CarrierKind, Standing } from "../../ports/net.ts";
import { noteBelow } from "../net/break-off.ts";
import type { SwarmKeys } from "../../ports/swarm-keys.ts";
import type { Session } from "../net/carrier.ts";
import type { SessionBounds } from "../net/options.ts";
import { provenPeer } from "./certificate.ts";
import { awaitBytes, awaitKnock, HalfOpen } from "./gate.ts";
import { isProof, PROOF_BYTES } from "./proof.ts";

export interface AcceptorOptions {
  context: SecureContext;
  swarmKeys: SwarmKeys;
  standingOf: (knock: Uint8Array) => Standing | undefined;
  bounds: SessionBounds;
  handshakeMs: number;
  log: Log;
  take: (session: Session) => void;
}

/** The side that is dialled: knock, then TLS, then the proof that both are of one peer; on a
 * connection of whatever kind. */
export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #halfOpen: HalfOpen;

  constructor(options: AcceptorOptions) {
    this.#options = options;
    this.#halfOpen = new HalfOpen(options.bounds);
  }

  /** Hands the session over once the other side has knocked and is proven; closes the connection
   * otherwise. */
  accept(raw: Duplex, carrier: CarrierKind): void {
    const { standingOf, handshakeMs, log } = this.#options;
    // A connection that breaks is closed; there is nobody to tell.
    raw.on("error", () => raw.destroy());
    this.#halfOpen.enter(raw);
    const address = carrier === "direct" ? addressOf(raw) : undefined;
    awaitKnock(raw, standingOf, handshakeMs, (standing) => {
      try {
        const seen = address === undefined ? {} : { address };
        this.#secure(raw, { carrier, standing, ...seen });
      } catch (error) {
        log.write("warn", "net.handshake", { reason: messageOf(error) });
        raw.destroy();
      }
    });
  }

  /** Closes the connections that have not proven anything yet. */
  close(): void {
    this.#halfOpen.destroyAll();
  }

  #secure(raw: Duplex, known: Omit<Session, "peer" | "socket">): void {
    const { context, swarmKeys, handshakeMs, take } = this.#options;
    // Our own check below: the key is the identity, there is no authority and no name.
    const session = { secureContext: context, requestCert: true, rejectUnauthorized: false };
    const socket = new TLSSocket(raw, { isServer: true, ...session });
    noteBelow(socket, raw);
    const deadline = setTimeout(() => socket.destroy(), handshakeMs).unref();
    socket.once("close", () => {
      clearTimeout(deadline);
      raw.destroy();
    });
    socket.on("error", () => socket.destroy());
    socket.once("secure", () => {
      clearTimeout(deadline);
      const peer = provenPeer(socket);
      if (peer === undefined) {
        socket.destroy();
        return;
      }
      awaitBytes(socket, PROOF_BYTES, handshakeMs, (proof) => {
        if (!isProof(swarmKeys, known.standing, socket, proof)) {
          socket.destroy();
          return;
        }
        this.#halfOpen.leave(raw);
        take({ peer, socket, ...known });
      });
    });
  }
}

/** The other end of a connection as `host:port`; an IPv4 address in IPv6 clothes as IPv4. */
function addressOf(raw: Duplex): string | undefined {
  const { remoteAddress, remotePort } = raw as Partial<Socket>;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return formatAddress({ host: remoteAddress.replace(/^::ffff:/, ""), port: remotePort });
}
