import UDX from "udx-native";
import UdxSocket from "udx-native/lib/socket.js";
import type { DatagramSeal } from "./datagram.ts";
import { DATAGRAM_BUFFER_BYTES } from "./limits.ts";

const LOOPBACK = "127.0.0.1";

/** The DHT nodes of one peer, by the address that others see. They reach each other on the machine
 * itself: not every router sends back what is meant for its own outer address. */
export interface Siblings {
  host: string | undefined;
  readonly ports: Set<number>;
}

/** A UDX whose sockets send sealed datagrams only and drop whatever does not open, without an
 * answer. Packets of UDX streams, which are encrypted by Noise, pass as they are. */
export class SealedUdx extends UDX {
  readonly #seal: DatagramSeal;
  readonly #siblings: Siblings;

  constructor(seal: DatagramSeal, siblings: Siblings) {
    super();
    this.#seal = seal;
    this.#siblings = siblings;
  }

  override createSocket(options?: object): UdxSocket {
    return new SealedSocket(this, this.#seal, this.#siblings, options);
  }
}

class SealedSocket extends UdxSocket {
  readonly #seal: DatagramSeal;
  readonly #siblings: Siblings;

  constructor(udx: UDX, seal: DatagramSeal, siblings: Siblings, options: object | undefined) {
    super(udx, options);
    this.#seal = seal;
    this.#siblings = siblings;
  }

  override bind(port: number, host?: string): void {
    super.bind(port, host);
    try {
      this.setRecvBufferSize(DATAGRAM_BUFFER_BYTES);
    } catch {
      // Some systems refuse what is more than they give; it works without.
    }
  }

  override async send(
    message: Uint8Array,
    port: number,
    host: string,
    ttl?: number,
  ): Promise<boolean> {
    if (!isPort(port)) return false;
    try {
      return await super.send(this.#seal.seal(message), port, this.#inside(host, port), ttl);
    } catch {
      return false;
    }
  }

  override trySend(message: Uint8Array, port: number, host: string, ttl?: number): void {
    if (!isPort(port)) return;
    try {
      super.trySend(this.#seal.seal(message), port, this.#inside(host, port), ttl);
    } catch {
      // A datagram may always get lost. Addresses come from others: a wrong one is no failure.
    }
  }

  /** What does not open stays in the native part's buffer, which the next datagram overwrites. */
  override _onmessage(lengthBytes: number, port: number, host: string, family: number): Buffer {
    const message = this.#seal.open(this.udx._buffer.subarray(0, lengthBytes));
    if (message !== undefined) {
      try {
        this.emit("message", message, { host: this.#outside(host, port), family, port });
      } catch {
        // A member that sends nonsense is not answered either.
      }
    }
    return this.udx._buffer;
  }

  #inside(host: string, port: number): string {
    const { host: outer, ports } = this.#siblings;
    return host === outer && ports.has(port) ? LOOPBACK : host;
  }

  #outside(host: string, port: number): string {
    const { host: outer, ports } = this.#siblings;
    return outer !== undefined && host === LOOPBACK && ports.has(port) ? outer : host;
  }
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536;
}
