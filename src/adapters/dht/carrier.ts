import type { Duplex } from "node:stream";
import type HyperDHT from "hyperdht";
import { idBytes, type PeerId } from "../../base/id.ts";
import type { CarrierKind } from "../../ports/net.ts";
import type { Carrier, Session } from "../net/carrier.ts";
import { NetError } from "../net-error.ts";
import { createKnocker } from "../tls/knock.ts";
import type { Acceptor } from "./acceptor.ts";
import { dialOne } from "./dial.ts";
import { encodeHello } from "./frame.ts";
import { PUNCH_MS, RELAY_DIAL_MS, RELAYS_TRIED_MAX } from "./limits.ts";
import type { DhtNode } from "./node.ts";
import { Punching } from "./punching.ts";
import { PunchedStream } from "./stream.ts";

export interface PunchedOptions {
  /** From dialling to a session. */
  timeoutMs?: number;
}

export interface RelayedOptions extends PunchedOptions {
  /** Peers that carry sessions for others, the best first. */
  relays: () => readonly PeerId[];
}

/** Sessions through a hole in both routers, or straight to the UDP port of a public peer. */
export function createPunchedCarrier(
  node: DhtNode,
  acceptor: Acceptor,
  options: PunchedOptions = {},
): Carrier {
  const { timeoutMs = PUNCH_MS } = options;
  const punching = new Punching(node);
  const connect: Connect = (peer, signal) => punching.dial(peer, timeoutMs, signal);
  return new DhtCarrier("punched", node, acceptor, connect, () => true);
}

/** Punching is the other carrier's: this one must not become it half-way. */
const RELAY_ONLY = { localConnection: false, fastOpen: false, holepunch: () => false };

/** Sessions through a relay, which sees nothing but sealed bytes between two of its peers. */
export function createRelayedCarrier(
  node: DhtNode,
  acceptor: Acceptor,
  options: RelayedOptions,
): Carrier {
  const { relays, timeoutMs = RELAY_DIAL_MS } = options;
  const usable = (peer: PeerId): readonly PeerId[] =>
    relays()
      .filter((relay) => relay !== peer && relay !== node.self)
      .slice(0, RELAYS_TRIED_MAX);
  const connect: Connect = async (peer, signal) => {
    let failure = new NetError("PEER_UNREACHABLE", `peer ${peer}: no relay is known`);
    for (const relay of usable(peer)) {
      try {
        const relayThrough = Buffer.from(idBytes(relay));
        // Punching is the other carrier's: this one must not become it half-way.
        const relayOnly = { ...RELAY_ONLY, relayThrough };
        return await dialOne(node, peer, relayOnly, timeoutMs, signal);
      } catch (error) {
        if (!(error instanceof NetError)) throw error;
        failure = error;
      }
    }
    throw failure;
  };
  const mayReach = (peer: PeerId): boolean => usable(peer).length > 0;
  return new DhtCarrier("relayed", node, acceptor, connect, mayReach);
}

type Connect = (peer: PeerId, signal: AbortSignal) => Promise<HyperDHT.SecretStream>;

class DhtCarrier implements Carrier {
  readonly kind: CarrierKind;
  readonly #node: DhtNode;
  readonly #acceptor: Acceptor;
  readonly #connect: Connect;
  readonly #mayReach: (peer: PeerId) => boolean;
  readonly #knock: (dialled: Uint8Array) => Uint8Array;
  readonly #sockets = new Set<Duplex>();
  readonly #closing = new AbortController();

  constructor(
    kind: CarrierKind,
    node: DhtNode,
    acceptor: Acceptor,
    connect: Connect,
    mayReach: (peer: PeerId) => boolean,
  ) {
    const { swarmKeys, clock, random } = node.options;
    this.kind = kind;
    this.#node = node;
    this.#acceptor = acceptor;
    this.#connect = connect;
    this.#mayReach = mayReach;
    this.#knock = createKnocker(swarmKeys, clock, random);
  }

  mayReach(peer: PeerId): boolean {
    if (peer === this.#node.self || this.#closing.signal.aborted) return false;
    return this.#node.status().bootstrapped && this.#mayReach(peer);
  }

  async dial(peer: PeerId, signal: AbortSignal): Promise<Duplex> {
    const stop = AbortSignal.any([signal, this.#closing.signal]);
    const stream = await this.#connect(peer, stop);
    stream.write(encodeHello(this.#knock(idBytes(peer))));
    return this.#keep(new PunchedStream(stream, this.#node.options.silenceMs));
  }

  listen(take: (session: Session) => void): Promise<void> {
    return this.#acceptor.listen(this.kind, (session) => {
      this.#keep(session.socket);
      take(session);
    });
  }

  async close(): Promise<void> {
    this.#acceptor.forget(this.kind);
    this.#closing.abort(new NetError("PEER_UNREACHABLE", "this peer is stopping"));
    const closed = [...this.#sockets].map(
      (socket) => new Promise((resolve) => socket.once("close", resolve).destroy()),
    );
    await Promise.all(closed);
  }

  #keep<Socket extends Duplex>(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }
}
