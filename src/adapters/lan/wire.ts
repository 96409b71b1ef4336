import { createSocket } from "node:dgram";
import multicastDns from "multicast-dns";
import type { DnsPacket, DnsRecord } from "multicast-dns";
import { messageOf } from "../../base/error.ts";
import type { Log } from "../../ports/log.ts";

/** A network that this machine is in. */
export interface LanInterface {
  /** As the system calls it. */
  name: string;
  family: 4 | 6;
  /** This machine's own address in it. */
  address: string;
}

/** Multicast DNS in one network. */
export interface LanWire {
  /** Sends a sealed announcement; what goes wrong is for the log. */
  send(sealed: Uint8Array, asks: boolean): void;
  close(): Promise<void>;
}

/** All peers have the same name, so that it tells none from another. */
const SERVICE = "_holdfast._tcp.local";
const INSTANCE = `peer.${SERVICE}`;
const TTL_S = 120;
/** Records of one packet that are looked at. */
const RECORDS_MAX = 8;

/** Opens multicast DNS in one network.
 * @param take gets what may be a sealed announcement, and the address it came from
 * @param lost is called when this wire cannot go on; it is to be closed then */
export function openWire(
  place: LanInterface,
  port: number,
  log: Log,
  take: (sealed: Uint8Array, from: string) => void,
  lost: () => void,
): LanWire {
  const isOld = place.family === 4;
  const socket = createSocket({
    type: isOld ? "udp4" : "udp6",
    reuseAddr: true,
    ...(isOld ? {} : { ipv6Only: true }),
  });
  const told = (what: string) => (error?: Error | null) => {
    const why = messageOf(error);
    if (error) log.write("debug", `lan.${what}`, { interface: place.name, why });
  };
  const mdns = multicastDns({
    socket,
    port,
    ip: isOld ? "224.0.0.251" : "ff02::fb",
    interface: isOld ? place.address : `::%${place.name}`,
    bind: isOld ? "0.0.0.0" : "::",
  });
  mdns.on("error", (error: Error) => {
    told("unusable")(error);
    lost();
  });
  // Also whatever other programs say that is no DNS.
  mdns.on("warning", told("warning"));
  mdns.on("packet", (packet: DnsPacket, from: { address: string }) => {
    const records = [...(packet.answers ?? []), ...(packet.additionals ?? [])];
    for (const record of records.slice(0, RECORDS_MAX)) {
      const sealed = announcementIn(record);
      if (sealed !== undefined) take(sealed, from.address);
    }
  });
  // Before the network is joined, what is sent would go out by whichever is the default one.
  let isJoined = false;
  let waiting: (() => void) | undefined;
  mdns.on("networkInterface", () => {
    isJoined = true;
    waiting?.();
    waiting = undefined;
  });
  const send = (sealed: Uint8Array, asks: boolean): void => {
    const text = { name: INSTANCE, type: "TXT", ttl: TTL_S, data: [Buffer.from(sealed)] };
    const pointer = { name: SERVICE, type: "PTR", ttl: TTL_S, data: INSTANCE };
    const question = { name: SERVICE, type: "PTR" };
    if (asks) mdns.query({ questions: [question], additionals: [text] }, told("unsent"));
    else mdns.respond({ answers: [pointer, text] }, told("unsent"));
  };
  return {
    send(sealed, asks) {
      if (isJoined) send(sealed, asks);
      else waiting = () => send(sealed, asks);
    },
    close: () => new Promise((resolve) => mdns.destroy(resolve)),
  };
}

function announcementIn({ name, type, data }: DnsRecord): Uint8Array | undefined {
  if (type !== "TXT" || name.toLowerCase() !== INSTANCE) return undefined;
  const texts: unknown[] = Array.isArray(data) ? data : [data];
  const [first] = texts;
  return first instanceof Uint8Array ? first : undefined;
}
