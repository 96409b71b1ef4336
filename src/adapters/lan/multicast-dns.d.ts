/** What is used of the library, which has no types. */
declare module "multicast-dns" {
  import type { Socket } from "node:dgram";
  import type { EventEmitter } from "node:events";

  interface DnsRecord {
    name: string;
    type: string;
    ttl?: number;
    data?: unknown;
  }

  interface DnsPacket {
    type?: "query" | "response";
    questions?: readonly { name: string; type: string }[];
    answers?: readonly DnsRecord[];
    additionals?: readonly DnsRecord[];
  }

  interface MulticastDns extends EventEmitter {
    query(packet: DnsPacket, sent: (error?: Error | null) => void): void;
    respond(packet: DnsPacket, sent: (error?: Error | null) => void): void;
    destroy(closed: () => void): void;
  }

  interface Options {
    port: number;
    ip: string;
    /** Address whose network is joined. */
    interface: string;
    /** Address to bind. */
    bind: string;
    socket: Socket;
  }

  export default function multicastDns(options: Options): MulticastDns;
}
