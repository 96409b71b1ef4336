/** What Holdfast uses of udx-native 1.21, which comes without types. */
declare module "udx-native" {
  import type { EventEmitter } from "node:events";
  import type UdxSocketClass from "udx-native/lib/socket.js";

  class UDX {
    readonly _buffer: Buffer;
    createSocket(options?: object): UDX.UdxSocket;
    createStream(id: number, options?: object): UDX.UdxStream;
  }
  namespace UDX {
    type UdxSocket = UdxSocketClass;
    interface UdxStream extends EventEmitter {
      readonly id: number;
      readonly remoteId: number;
      readonly remoteHost: string | null;
      readonly remotePort: number;
      readonly connected: boolean;
      readonly bytesReceived: number;
      readonly bytesTransmitted: number;
      readonly rtt: number;
      readonly mtu: number;
      readonly socket: UdxSocket | null;
      destroy(error?: Error): void;
    }
  }
  export = UDX;
}

declare module "udx-native/lib/socket.js" {
  import type { EventEmitter } from "node:events";
  import type UDX from "udx-native";

  class UdxSocket extends EventEmitter {
    constructor(udx: UDX, options?: object);
    readonly udx: UDX;
    readonly packetsTransmitted: number;
    bind(port: number, host?: string): void;
    getRecvBufferSize(): number;
    setRecvBufferSize(sizeBytes: number): void;
    address(): { host: string; family: number; port: number } | null;
    send(message: Uint8Array, port: number, host: string, ttl?: number): Promise<boolean>;
    trySend(message: Uint8Array, port: number, host: string, ttl?: number): void;
    close(): Promise<void>;
    /** Called by the native part with what lies in `udx._buffer`; gives it the next buffer. */
    _onmessage(lengthBytes: number, port: number, host: string, family: number): Buffer;
  }
  export = UdxSocket;
}
