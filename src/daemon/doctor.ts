import { mapBounded } from "../base/concurrency.ts";
import { formatAddress, parseAddress } from "../base/address.ts";
import type { PeerId } from "../base/id.ts";
import type { DhtStatus } from "../adapters/dht/node.ts";
import type {
  DialBackFacts,
  DoctorFacts,
  MappingFacts,
  PeersFacts,
  TrackerFacts,
} from "../gateway/doctor-facts.ts";
import type { Clock } from "../ports/clock.ts";
import type { PeerCard } from "../ports/directory.ts";
import type { CarrierKind } from "../ports/net.ts";
import type { HolderUsage } from "../shards/holder.ts";
import type { DialBackReport } from "../swarm/dial-back.ts";
import type { Hello } from "../swarm/routes/route.ts";
import type { Config } from "./config.ts";
import { findExposed, freeBytesOf, ipv6Hosts } from "./doctor-machine.ts";
import type { HomePaths } from "./home.ts";
import { VERSION } from "./version.ts";

/** Peers that one doctor asks, so many at once, and how long each may take. */
const ASKED_MAX = 16;
const ASKED_AT_ONCE = 8;
const ASK_MAX_MS = 6_000;
/** Peers that are asked to dial back: each tries for some seconds. */
const DIAL_BACKS_MAX = 3;

const NOT_ASKED: MappingFacts = { ports: [], failure: "router_ports = false forbids to ask it" };

/** What a running peer can say for `doctor`. */
export interface FactSources {
  paths: Pick<HomePaths, "home" | "keys" | "socket" | "indexDatabase" | "holderDatabase">;
  storeFolder: string;
  config: Pick<Config, "public_address" | "dht" | "public_dht" | "router_ports">;
  port: number;
  /** Of the peer protocol. */
  protocol: number;
  clock: Clock;
  usage(): HolderUsage;
  /** The known peers, those that answered first. */
  peers(): readonly PeerCard[];
  hello(peer: PeerId, signal: AbortSignal): Promise<Hello>;
  carrierOf(peer: PeerId): CarrierKind | undefined;
  dialBack(peer: PeerId, ports: readonly number[], signal: AbortSignal): Promise<DialBackReport>;
  /** Whether a host can be reached from everywhere, by its form. */
  isPublic(host: string): boolean;
  /** Undefined where no node runs. */
  dht(): DhtStatus | undefined;
  /** DHT nodes that this peer runs for others. */
  dhtNodes(): number;
  mappings(): MappingFacts;
  trackers(): TrackerFacts[];
  /** Relays to which a connection is kept. */
  relaysConnected(): number;
  isRelay(): boolean;
}

/** Looks at everything that `doctor` judges. It takes some seconds at most: who does not answer is
 * taken for away.
 * @throws the signal's reason when it is aborted */
export async function gatherFacts(sources: FactSources, signal: AbortSignal): Promise<DoctorFacts> {
  const { paths, storeFolder, config, port } = sources;
  const cards = sources.peers();
  const greeted = await greet(sources, cards.slice(0, ASKED_MAX), signal);
  const there = greeted.flatMap((greeting) => greeting ?? []);
  const dialBack = await askBack(sources, there, signal);
  signal.throwIfAborted();
  const peers = countCarriers(cards.length, there);
  const { bytes: usedBytes, spaceBytes: offeredBytes } = sources.usage();
  const { public_address: publicAddress } = config;
  return {
    port,
    ...(publicAddress === undefined ? {} : { publicAddress }),
    ...dhtAndRouter(sources, cards, peers),
    dialBack,
    mappings: config.router_ports ? sources.mappings() : NOT_ASKED,
    ipv6: ipv6Hosts((host) => sources.isPublic(host)).map((host) => formatAddress({ host, port })),
    trackers: sources.trackers(),
    relays: {
      known: cards.filter(({ roles }) => roles?.includes("relay") === true).length,
      connected: sources.relaysConnected(),
      isRelay: sources.isRelay(),
    },
    peers,
    clockSkewsMs: there.flatMap(({ skewMs }) => skewMs ?? []),
    home: {
      freeBytes: await freeBytesOf(storeFolder),
      offeredBytes,
      usedBytes,
      exposed: await findExposed(paths),
    },
    versions: {
      holdfast: VERSION,
      node: process.versions.node,
      protocolMismatches: there.filter(({ hello }) => hello.protocol !== sources.protocol).length,
      asked: there.length,
    },
  };
}

interface Greeting {
  peer: PeerId;
  hello: Hello;
  carrier: CarrierKind | undefined;
  /** Positive where the peer's clock is ahead; undefined where it does not say its time. */
  skewMs: number | undefined;
}

function greet(
  sources: FactSources,
  cards: readonly PeerCard[],
  signal: AbortSignal,
): Promise<(Greeting | undefined)[]> {
  const { clock } = sources;
  return mapBounded(cards, ASKED_AT_ONCE, async ({ id: peer }) => {
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(ASK_MAX_MS)]);
      await sources.hello(peer, limit);
      // Again, on the session that is open now: else its opening would make the clock look late.
      const sentMs = clock.nowMs();
      const hello = await sources.hello(peer, limit);
      const middleMs = (sentMs + clock.nowMs()) / 2;
      const skewMs = hello.timeMs === undefined ? undefined : Math.round(hello.timeMs - middleMs);
      return { peer, hello, carrier: sources.carrierOf(peer), skewMs };
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
  });
}

/** Asks peers outside of this network whether they get through; one that sees us at an address of
 * this network says nothing about the outside. */
async function askBack(
  sources: FactSources,
  there: readonly Greeting[],
  signal: AbortSignal,
): Promise<DialBackFacts> {
  const { port } = sources;
  const asked = there.slice(0, DIAL_BACKS_MAX);
  const reports = await mapBounded(asked, DIAL_BACKS_MAX, async ({ peer }) => {
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(ASK_MAX_MS)]);
      return await sources.dialBack(peer, [port], limit);
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
  });
  const answers = reports.flatMap((report) => {
    const host = parseAddress(report?.seen ?? "")?.host;
    if (report === undefined || host === undefined) return [];
    return [
      { host, isOutside: sources.isPublic(host), isOpen: report.tcp[String(port)] === "open" },
    ];
  });
  const outside = answers.filter(({ isOutside }) => isOutside);
  const reached = outside.filter(({ isOpen }) => isOpen);
  const near = answers.filter(({ isOutside, isOpen }) => isOpen && !isOutside);
  const shown = reached[0] ?? outside[0];
  const address = shown === undefined ? {} : { address: formatAddress({ host: shown.host, port }) };
  const counts = { asked: outside.length, reached: reached.length, near: near.length };
  return { ...counts, ...address };
}

function countCarriers(known: number, there: readonly Greeting[]): PeersFacts {
  const by = (kind: CarrierKind): number => there.filter(({ carrier }) => carrier === kind).length;
  return { known, direct: by("direct"), punched: by("punched"), relayed: by("relayed") };
}

function dhtAndRouter(
  sources: FactSources,
  cards: readonly PeerCard[],
  peers: PeersFacts,
): Pick<DoctorFacts, "dht" | "router"> {
  const { config } = sources;
  const status = sources.dht();
  const bootstrapNodes = cards.reduce((sum, { bootstrap }) => sum + (bootstrap?.length ?? 0), 0);
  const bootstrapped = status?.bootstrapped === true;
  const { publicHost } = status ?? {};
  const isOn = config.public_dht === false ? "swarm" : "public";
  return {
    dht: {
      network: config.dht ? isOn : "off",
      bootstrapped,
      bootstrapNodes,
      ownNodes: sources.dhtNodes(),
    },
    router: {
      nat: status?.nat ?? "unknown",
      // Where TCP is silent too, the others are away, and nothing is said about UDP.
      udpBlocked: status?.udpBlocked === true && peers.direct + peers.relayed > 0,
      ...(publicHost === undefined ? {} : { publicHost }),
      asked: bootstrapped ? bootstrapNodes : 0,
    },
  };
}
