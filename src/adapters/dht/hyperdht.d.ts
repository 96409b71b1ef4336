/** What Holdfast uses of hyperdht 6.34, which comes without types. Members with an underscore are
 * the library's own; each use says why there is no other way. */
declare module "hyperdht" {
  import type { EventEmitter } from "node:events";
  import type UDX from "udx-native";
  import type { UdxSocket, UdxStream } from "udx-native";

  class HyperDHT extends EventEmitter {
    constructor(options: HyperDHT.Options);
    readonly io: {
      readonly serverSocket: UdxSocket | null;
      readonly clientSocket: UdxSocket | null;
      readonly networkInterfaces: { destroy(): void };
    };
    readonly host: string | null;
    /** 0 where the router gives every connection another port. */
    readonly port: number;
    readonly randomized: boolean;
    readonly firewalled: boolean;
    readonly ephemeral: boolean;
    readonly bootstrapped: boolean;
    readonly destroyed: boolean;
    readonly bootstrapNodes: HyperDHT.Address[];
    readonly nodes: { readonly length: number };
    readonly stats: {
      readonly requests: { readonly responses: number; readonly timeouts: number };
    };
    readonly defaultKeyPair: HyperDHT.KeyPair;
    /** Answers a question of the DHT; whether it is one. */
    onrequest(request: { reply(value: Buffer): void }): boolean;
    readonly _nat: { add(host: string, port: number): void };
    /** Notes who has answered or asked, and at what address of ours: `to`. */
    _addNodeFromNetwork(
      isOwnSocket: boolean,
      from: HyperDHT.Address & { id: Buffer | null },
      to: HyperDHT.Address | null,
    ): void;
    bind(): Promise<void>;
    fullyBootstrapped(): Promise<void>;
    remoteAddress(): HyperDHT.Address | null;
    refresh(): void;
    connect(publicKey: Buffer, options: HyperDHT.ConnectOptions): HyperDHT.SecretStream;
    createServer(options: HyperDHT.ServerOptions): HyperDHT.Server;
    createRawStream(options: object): UdxStream;
    lookup(target: Buffer): HyperDHT.Query;
    announce(target: Buffer, keyPair: HyperDHT.KeyPair, relays: readonly []): HyperDHT.Query;
    ping(address: HyperDHT.Address, options?: { socket?: UdxSocket }): Promise<unknown>;
    request(message: object, to: HyperDHT.Address, options?: object): Promise<unknown>;
    destroy(options?: { force?: boolean }): Promise<void>;
  }

  namespace HyperDHT {
    interface Address {
      host: string;
      port: number;
    }
    interface KeyPair {
      publicKey: Buffer;
      secretKey: Buffer;
    }
    interface Options {
      bootstrap?: Address[];
      keyPair?: KeyPair;
      host?: string;
      /** `[first, end]`, the end not included. */
      port: readonly [number, number];
      anyPort?: boolean;
      ephemeral?: boolean;
      firewalled?: boolean;
      udx?: UDX;
      maxSize?: number;
      connectionKeepAlive?: number;
      randomPunchInterval?: number;
    }
    interface ConnectOptions {
      keyPair?: KeyPair;
      fastOpen?: boolean;
      reusableSocket?: boolean;
      localConnection?: boolean;
      relayThrough?: Buffer;
      holepunch?: () => boolean;
    }
    interface HandshakePayload {
      readonly udx: { readonly id: number } | null;
      readonly relayThrough: { readonly publicKey: Buffer } | null;
    }
    interface ServerOptions {
      reusableSocket?: boolean;
      /** Whether to refuse. */
      firewall?(publicKey: Buffer, payload: HandshakePayload, from: Address): boolean;
    }
    interface Server extends EventEmitter {
      listen(keyPair: KeyPair): Promise<Server>;
      refresh(): void;
      close(): Promise<void>;
      readonly relayAddresses: readonly Address[];
    }
    /** Noise over a raw stream; a streamx Duplex. */
    interface SecretStream extends EventEmitter {
      readonly publicKey: Buffer;
      readonly remotePublicKey: Buffer;
      readonly rawStream: UdxStream | null;
      readonly destroyed: boolean;
      readonly destroying: boolean;
      readonly opened: Promise<boolean>;
      /** The length of the message that is being received. */
      readonly _len: number;
      /** Room for a message of so many bytes, which `write` then seals in place. */
      alloc(lengthBytes: number): Buffer;
      write(message: Buffer): boolean;
      end(): void;
      flush(): Promise<boolean>;
      pause(): void;
      resume(): void;
      unshift(message: Buffer): void;
      sendKeepAlive(): void;
      setTimeout(timeoutMs: number): void;
      destroy(error?: Error): void;
    }
    interface Query extends EventEmitter, AsyncIterable<LookupReply | null> {
      finished(): Promise<void>;
      destroy(error?: Error): void;
    }
    interface LookupReply {
      readonly from: Address;
      readonly peers: readonly { readonly publicKey: Buffer }[];
    }
  }
  export = HyperDHT;
}
