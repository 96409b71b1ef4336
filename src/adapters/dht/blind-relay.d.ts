/** What Holdfast uses of blind-relay, which comes without types. */
declare module "blind-relay" {
  import type { EventEmitter } from "node:events";
  import type HyperDHT from "hyperdht";
  import type { UdxStream } from "udx-native";

  class Server extends EventEmitter {
    constructor(options: { createStream: (options: object) => UdxStream });
    accept(stream: HyperDHT.SecretStream, options: { id: Buffer }): BlindRelaySession;
    close(): Promise<void>;
  }
  interface BlindRelaySession extends EventEmitter {
    /** Pairings asked for, and open. */
    readonly _pairing: ReadonlySet<string>;
    readonly _links: ReadonlyMap<string, unknown>;
    destroy(error?: Error): void;
  }
  const relay: { Server: typeof Server };
  export = relay;
}
