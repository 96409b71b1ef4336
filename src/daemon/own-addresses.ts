import { networkInterfaces } from "node:os";
import { formatAddress, parseAddress } from "../base/address.ts";
import type { PeerId } from "../base/id.ts";
import { CARD_ADDRESS_MAX, CARD_ADDRESSES_MAX, DIAL_BACK_REPORTERS_MAX } from "../base/limits.ts";
import { isPublicAddress } from "../base/public-address.ts";
import type { Clock } from "../ports/clock.ts";
import type { DialBackReport } from "../swarm/dial-back.ts";

/** Networks between containers and virtual machines of this machine; nobody else is in them. */
const INNER = /^(?:docker|veth|br-|virbr|cni|flannel|podman|lxc|vmnet)/;
/** What a peer found out by dialling back is believed for so long. */
const REPORT_MAX_MS = 24 * 3_600_000;

/** Where this peer may be reached, by how it is known. */
export interface OwnAddressSources {
  /** TCP port for peers. */
  port: number;
  /** `public_address` of the configuration. */
  configured?: string | undefined;
  /** TCP ports that the router opened, as `host:port`. */
  mapped: readonly string[];
  /** Where peers dialled back with success, as `host:port`. */
  proven: readonly string[];
  /** Hosts of this machine's networks; default: asks the system. */
  hosts?: readonly string[];
}

/** What goes into this peer's card: at most CARD_ADDRESSES_MAX addresses, the public ones first so
 * that they are among them. Those of local networks are for peers in the same network. */
export function ownAddresses(sources: OwnAddressSources): string[] {
  const { port, configured, mapped, proven, hosts = ownHosts() } = sources;
  const isOld = (host: string): boolean => !host.includes(":");
  const open = hosts.filter(isPublicAddress);
  const local = hosts.filter((host) => !isPublicAddress(host));
  const own = [...open, ...local.filter(isOld), ...local.filter((host) => !isOld(host))];
  const all = new Set([
    ...(configured === undefined ? [] : [configured]),
    ...proven,
    // A router behind another one maps to an address that leads nowhere.
    ...mapped.filter(isPublicPlace),
    ...own.map((host) => formatAddress({ host, port })),
  ]);
  const usable = [...all].filter(
    (address) => address.length <= CARD_ADDRESS_MAX && parseAddress(address) !== undefined,
  );
  return usable.slice(0, CARD_ADDRESSES_MAX);
}

/** Whether the host of `host:port` is public. */
export function isPublicPlace(address: string): boolean {
  const place = parseAddress(address);
  return place !== undefined && isPublicAddress(place.host);
}

/** This machine's addresses in networks that others may be in; without link-local ones, which mean
 * something in one network only. */
function ownHosts(): string[] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => !INNER.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !/^(?:fe[89ab].:|169\.254\.)/.test(address))
    .map(({ address }) => address);
}

interface Vote {
  host: string;
  isOpen: boolean;
  timeMs: number;
}

/** What peers found that dialled back, each with one voice for each kind of address: a lie needs
 * more liars than there are honest ones, and costs others a dial that fails. */
export class DialBackVotes {
  readonly #clock: Clock;
  readonly #votes = new Map<string, Vote>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes a report about `port`. One by a peer of the same network says nothing. */
  note(peer: PeerId, report: DialBackReport, port: number): void {
    const host = parseAddress(report.seen)?.host;
    if (host === undefined || !isPublicAddress(host)) return;
    const key = `${host.includes(":") ? 6 : 4} ${peer}`;
    const isOpen = report.tcp[String(port)] === "open";
    this.#votes.delete(key);
    this.#votes.set(key, { host, isOpen, timeMs: this.#clock.nowMs() });
    const [oldest] = this.#votes.keys();
    if (oldest !== undefined && this.#votes.size > DIAL_BACK_REPORTERS_MAX) {
      this.#votes.delete(oldest);
    }
  }

  /** `host:port` where most peers that dialled back got through; at most one of each kind. */
  proven(port: number): string[] {
    return [4, 6].flatMap((kind) => {
      const votes = this.#fresh(kind).filter(({ isOpen }) => isOpen);
      const counts = new Map<string, number>();
      for (const { host } of votes) counts.set(host, (counts.get(host) ?? 0) + 1);
      const [best] = [...counts].sort(([, a], [, b]) => b - a);
      const against = this.#fresh(kind).filter(({ isOpen }) => !isOpen).length;
      if (best === undefined || best[1] <= against) return [];
      return [formatAddress({ host: best[0], port })];
    });
  }

  /** Whether peers outside get through; undefined where none has tried lately. */
  isOpen(port: number): boolean | undefined {
    const tried = this.#fresh(4).length + this.#fresh(6).length > 0;
    return tried ? this.proven(port).length > 0 : undefined;
  }

  #fresh(kind: number): Vote[] {
    const sinceMs = this.#clock.nowMs() - REPORT_MAX_MS;
    const votes = [...this.#votes].filter(([key]) => key.startsWith(`${kind} `));
    return votes.flatMap(([, vote]) => (vote.timeMs >= sinceMs ? [vote] : []));
  }
}
