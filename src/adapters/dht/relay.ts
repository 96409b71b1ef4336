import relay from "blind-relay";
import type HyperDHT from "hyperdht";
import type { UdxStream } from "udx-native";
import { DAY_MS, type PeerId } from "../../base/id.ts";
import type { Acceptor } from "./acceptor.ts";
import {
  RELAY_CONNECTIONS_MAX,
  RELAY_CONNECTIONS_PER_PEER_MAX,
  RELAY_COUNT_MS,
  RELAY_DAY_MAX_BYTES,
  RELAY_DAY_PER_PEER_MAX_BYTES,
  RELAY_PEERS_MAX,
  RELAY_PIPES_PER_CONNECTION_MAX,
} from "./limits.ts";
import type { DhtNode } from "./node.ts";

/** What a relay gives. */
export interface RelayBounds {
  connectionsMax: number;
  connectionsPerPeerMax: number;
  dayMaxBytes: number;
  dayPerPeerMaxBytes: number;
}

const RELAY_BOUNDS: RelayBounds = {
  connectionsMax: RELAY_CONNECTIONS_MAX,
  connectionsPerPeerMax: RELAY_CONNECTIONS_PER_PEER_MAX,
  dayMaxBytes: RELAY_DAY_MAX_BYTES,
  dayPerPeerMaxBytes: RELAY_DAY_PER_PEER_MAX_BYTES,
};

/** A relay that runs. */
export interface UdpRelay {
  /** Bytes that came from each peer to be carried, since the day began. */
  usage(): ReadonlyMap<PeerId, number>;
  close(): Promise<void>;
}

/** Pipes sessions of members that cannot reach each other. What it carries is sealed between them;
 * it counts it, and cuts off who is over a bound.
 * @throws RangeError on the public DHT, where anybody could use it */
export async function openUdpRelay(
  node: DhtNode,
  acceptor: Acceptor,
  bounds: Partial<RelayBounds> = {},
): Promise<UdpRelay> {
  if (node.options.publicDht !== undefined) throw new RangeError("no relay on the public DHT");
  const opened = new Relay(node, { ...RELAY_BOUNDS, ...bounds });
  await acceptor.relay((stream, peer) => opened.take(stream, peer));
  const close = async (): Promise<void> => {
    await acceptor.relay(undefined);
    opened.close();
  };
  node.beforeClose(close);
  return { usage: () => opened.usage(), close };
}

interface Pipe {
  readonly peer: PeerId;
  readonly control: HyperDHT.SecretStream;
  countedBytes: number;
}

class Relay {
  readonly #node: DhtNode;
  readonly #bounds: RelayBounds;
  readonly #server;
  /** Whose message is being worked on: the streams made meanwhile are its peer's. */
  readonly #controls = new Map<HyperDHT.SecretStream, PeerId>();
  readonly #pipes = new Map<UdxStream, Pipe>();
  readonly #used = new Map<PeerId, number>();
  #usedBytes = 0;
  #day: number;
  readonly #timer: NodeJS.Timeout;

  constructor(node: DhtNode, bounds: RelayBounds) {
    this.#node = node;
    this.#bounds = bounds;
    this.#day = this.#today();
    this.#server = new relay.Server({
      createStream: (options) => node.dht.createRawStream({ ...options, framed: true }),
    });
    this.#timer = setInterval(() => this.#count(), RELAY_COUNT_MS).unref();
  }

  take(control: HyperDHT.SecretStream, peer: PeerId): void {
    const { connectionsMax, connectionsPerPeerMax } = this.#bounds;
    const own = [...this.#controls.values()].filter((other) => other === peer).length;
    const isFull = this.#controls.size >= connectionsMax || own >= connectionsPerPeerMax;
    if (isFull || this.#isOver(peer)) {
      control.destroy();
      return;
    }
    this.#controls.set(control, peer);
    control.once("close", () => this.#controls.delete(control));
    const session = this.#server.accept(control, { id: control.remotePublicKey });
    session.on("error", () => undefined);
    session.on("pair", (_isInitiator: boolean, _token: Buffer, stream: UdxStream) => {
      this.#pipes.set(stream, { peer, control, countedBytes: 0 });
      stream.once("close", () => {
        this.#countPipe(stream);
        this.#pipes.delete(stream);
      });
    });
    control.on("data", () => {
      const count = session._pairing.size + session._links.size;
      if (count > RELAY_PIPES_PER_CONNECTION_MAX) control.destroy();
    });
    control.resume();
  }

  usage(): ReadonlyMap<PeerId, number> {
    this.#count();
    return new Map(this.#used);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const control of this.#controls.keys()) control.destroy();
    for (const stream of this.#pipes.keys()) stream.destroy();
  }

  #today(): number {
    return Math.floor(this.#node.options.clock.nowMs() / DAY_MS);
  }

  #isOver(peer: PeerId): boolean {
    const { dayMaxBytes, dayPerPeerMaxBytes } = this.#bounds;
    return this.#usedBytes >= dayMaxBytes || (this.#used.get(peer) ?? 0) >= dayPerPeerMaxBytes;
  }

  #count(): void {
    if (this.#today() !== this.#day) {
      this.#day = this.#today();
      this.#used.clear();
      this.#usedBytes = 0;
    }
    for (const [stream, { peer, control }] of this.#pipes) {
      this.#countPipe(stream);
      if (!this.#isOver(peer)) continue;
      this.#node.options.log.write("warn", "relay.over", { peer });
      stream.destroy();
      control.destroy();
    }
  }

  #countPipe(stream: UdxStream): void {
    const pipe = this.#pipes.get(stream);
    if (pipe === undefined) return;
    const moreBytes = Math.max(0, stream.bytesReceived - pipe.countedBytes);
    pipe.countedBytes += moreBytes;
    this.#usedBytes += moreBytes;
    const used = this.#used.get(pipe.peer) ?? 0;
    if (used > 0 || this.#used.size < RELAY_PEERS_MAX) this.#used.set(pipe.peer, used + moreBytes);
  }
}
