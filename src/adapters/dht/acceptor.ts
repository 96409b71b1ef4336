import type HyperDHT from "hyperdht";
import { formatAddress } from "../../base/address.ts";
import { idOf, type PeerId } from "../../base/id.ts";
import type { CarrierKind } from "../../ports/net.ts";
import type { Session } from "../net/carrier.ts";
import { createKnockGuard } from "../tls/knock.ts";
import { FRAME_HELLO, HELLO_BYTES } from "./frame.ts";
import { Handshakes } from "./handshakes.ts";
import {
  ANNOUNCE_SELF_EVERY_MS,
  HELLO_MS,
  LISTEN_WAIT_MS,
  SESSIONS_MAX,
  SESSIONS_PER_PEER_MAX,
} from "./limits.ts";
import type { DhtNode } from "./node.ts";
import { boundMessages, nudge } from "./secret-stream.ts";
import { PunchedStream } from "./stream.ts";

type Take = (session: Session) => void;
/** Takes a connection whose first message, put back, asks for the relay. */
export type TakeRelayed = (stream: HyperDHT.SecretStream, peer: PeerId) => void;

/** The one server of a node: what peers open to it goes to the carrier or the relay that it is
 * for. */
export class Acceptor {
  readonly #node: DhtNode;
  readonly #server: HyperDHT.Server;
  readonly #handshakes: Handshakes;
  readonly #standingOf: ReturnType<typeof createKnockGuard>;
  readonly #takers = new Map<CarrierKind, Take>();
  /** Streams of peers that opened them to us. */
  readonly #open = new Map<HyperDHT.SecretStream, PeerId>();
  #relay: TakeRelayed | undefined;
  #listening: Promise<void> | undefined;
  #ready: Promise<void> | undefined;
  readonly #again: NodeJS.Timeout;

  constructor(node: DhtNode) {
    const { clock, key, swarmKeys } = node.options;
    this.#node = node;
    this.#handshakes = new Handshakes(() => clock.monotonicMs());
    this.#standingOf = createKnockGuard(swarmKeys, key.publicKey, clock);
    this.#server = node.dht.createServer({
      reusableSocket: true,
      firewall: (publicKey, payload) => {
        const peer = idOf(publicKey);
        const isFull =
          this.#open.size >= SESSIONS_MAX || this.#countOf(peer) >= SESSIONS_PER_PEER_MAX;
        return isFull || !this.#handshakes.begin(peer, payload.udx?.id ?? 0);
      },
    });
    this.#server.on("connection", (stream: HyperDHT.SecretStream) => this.#accept(stream));
    node.onBootstrap(() => this.#server.refresh());
    // The library notices a node that is gone, but not one that has restarted and forgotten us.
    this.#again = setInterval(() => this.#server.refresh(), ANNOUNCE_SELF_EVERY_MS).unref();
    node.beforeClose(() => this.close());
  }

  /** Hands sessions of one kind to `take`; resolves when this peer is announced, or after a while
   * where nobody is there to announce to. */
  async listen(kind: CarrierKind, take: Take): Promise<void> {
    this.#takers.set(kind, take);
    await this.#start();
  }

  /** Hands connections that ask for the relay to `take`. */
  async relay(take: TakeRelayed | undefined): Promise<void> {
    this.#relay = take;
    if (take !== undefined) await this.#start();
  }

  /** Takes no more sessions of one kind. */
  forget(kind: CarrierKind): void {
    this.#takers.delete(kind);
  }

  async close(): Promise<void> {
    clearInterval(this.#again);
    this.#takers.clear();
    for (const stream of this.#open.keys()) stream.destroy();
    if (this.#listening !== undefined) await this.#server.close();
  }

  #start(): Promise<void> {
    this.#ready ??= this.#announce();
    return this.#ready;
  }

  async #announce(): Promise<void> {
    this.#listening = this.#server.listen(this.#node.keyPair).then(
      () => undefined,
      (error: unknown) => this.#node.log("warn", "dht.listen", error),
    );
    let timer: NodeJS.Timeout | undefined;
    const waited = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LISTEN_WAIT_MS);
    });
    await Promise.race([this.#listening, waited]);
    clearTimeout(timer);
  }

  #countOf(peer: PeerId): number {
    let count = 0;
    for (const of of this.#open.values()) if (of === peer) count++;
    return count;
  }

  #accept(stream: HyperDHT.SecretStream): void {
    const peer = idOf(stream.remotePublicKey);
    const raw = stream.rawStream;
    const isPunched = raw !== null && this.#handshakes.end(peer, raw.remoteId);
    this.#open.set(stream, peer);
    stream.once("close", () => this.#open.delete(stream));
    stream.on("error", () => undefined);
    boundMessages(stream);
    const late = setTimeout(() => stream.destroy(), HELLO_MS).unref();
    stream.once("close", () => clearTimeout(late));
    if (!isPunched) nudge(stream);
    stream.once("data", (first: Buffer) => {
      clearTimeout(late);
      if (first[0] === FRAME_HELLO) this.#greet(stream, peer, first, isPunched);
      else this.#toRelay(stream, peer, first);
    });
  }

  #greet(stream: HyperDHT.SecretStream, peer: PeerId, hello: Buffer, isPunched: boolean): void {
    const kind = isPunched ? "punched" : "relayed";
    const take = this.#takers.get(kind);
    const standing = hello.length === HELLO_BYTES ? this.#standingOf(hello.subarray(1)) : undefined;
    const { remoteHost: host = null, remotePort: port = 0 } = stream.rawStream ?? {};
    if (take === undefined || standing === undefined) {
      stream.destroy();
      return;
    }
    const address = isPunched && host !== null ? { address: formatAddress({ host, port }) } : {};
    const socket = new PunchedStream(stream, this.#node.options.silenceMs);
    take({ peer, socket, carrier: kind, standing, ...address });
  }

  #toRelay(stream: HyperDHT.SecretStream, peer: PeerId, first: Buffer): void {
    if (this.#relay === undefined) {
      stream.destroy();
      return;
    }
    stream.pause();
    stream.unshift(first);
    this.#relay(stream, peer);
  }
}
