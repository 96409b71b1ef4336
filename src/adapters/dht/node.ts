import HyperDHT from "hyperdht";
import type UDX from "udx-native";
import { formatAddress, parseAddress } from "../../base/address.ts";
import { messageOf } from "../../base/error.ts";
import { idOf, type PeerId } from "../../base/id.ts";
import { SEED_BYTES, type SigningKey } from "../../crypto/sign.node.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { SwarmKeys } from "../../ports/swarm-keys.ts";
import { DatagramSeal } from "./datagram.ts";
import {
  DHT_BOOTSTRAP_MAX,
  DHT_NODES_PUBLIC,
  DHT_RECORDS_MAX,
  LONELY_MS,
  PUNCH_RANDOM_INTERVAL_MS,
  STREAM_KEEP_ALIVE_MS,
} from "./limits.ts";
import { SealedUdx, type Siblings } from "./sealed-udx.ts";

/** Well-known nodes of the public DHT, for swarms that have no publicly reachable peer. */
export const PUBLIC_DHT_NODES: readonly string[] = [
  "88.99.3.86:49737",
  "142.93.90.113:49737",
  "138.68.147.8:49737",
];
const ANY_HOST = "0.0.0.0";

export interface DhtOptions {
  key: SigningKey;
  swarmKeys: SwarmKeys;
  clock: Clock;
  random: Random;
  log: Log;
  /** `host:port` of DHT nodes of the swarm; none are known is no failure. */
  bootstrap: readonly string[];
  /** The first UDP port; a publicly reachable peer takes four in a row. Free ones without it. */
  port?: number;
  /** The IPv4 address to listen at; every one without it. */
  host?: string;
  /** Whether others reach this peer's UDP ports without punching. */
  isPublic: boolean;
  /** The IPv4 address that others see, where it is not `host`: forwarded by a router, with the
   * same ports. Without both it is learned from the other nodes. */
  publicHost?: string;
  /** `host:port` of nodes of a network that is not the swarm's own, to use instead of it. Its
   * datagrams cannot be sealed: whoever runs its nodes sees addresses, peer ids and who connects to
   * whom. */
  publicDht?: readonly string[];
  /** A session says something so often, and ends when it has heard nothing for so long. */
  keepAliveMs?: number;
  silenceMs?: number;
}

/** What `doctor` tells of the way to the internet. */
export interface DhtStatus {
  /** Whether other DHT nodes answer. */
  bootstrapped: boolean;
  publicHost?: string;
  publicPort?: number;
  firewalled: boolean;
  nat: "open" | "consistent" | "random" | "unknown";
  /** Nobody has ever answered, though somebody was asked. */
  udpBlocked: boolean;
}

/** The part of a peer in the swarm's DHT. `dht`, `keyPair` and `options` are for the carriers,
 * relay and directory beside it. */
export class DhtNode {
  readonly options: DhtOptions;
  readonly self: PeerId;
  /** The node that dials and listens. */
  readonly dht: HyperDHT;
  readonly keyPair: HyperDHT.KeyPair;
  /** All nodes of this peer, `dht` first. */
  readonly #nodes: readonly HyperDHT[];
  readonly #seal: DatagramSeal | undefined;
  readonly #closers: (() => Promise<void>)[] = [];
  #onBootstrap: () => void = () => undefined;
  readonly #lonely: NodeJS.Timeout;
  #isClosed = false;

  constructor(options: DhtOptions, nodes: readonly HyperDHT[], seal: DatagramSeal | undefined) {
    const [first] = nodes;
    if (first === undefined) throw new RangeError("a peer has at least one DHT node");
    this.options = options;
    this.self = idOf(options.key.publicKey);
    this.dht = first;
    this.keyPair = keyPairOf(options.key);
    this.#nodes = nodes;
    this.#seal = seal;
    this.#lonely = setInterval(() => {
      if (first.nodes.length === 0 && first.bootstrapNodes.length > 0) first.refresh();
    }, LONELY_MS).unref();
  }

  /** `host:port` of the nodes that this peer runs for others; none as long as its address is not
   * known, or where it is not publicly reachable. */
  get bootstrap(): readonly string[] {
    if (!this.options.isPublic) return [];
    return this.#nodes
      .map((node) => node.remoteAddress())
      .filter((address) => address !== null)
      .map(formatAddress);
  }

  /** Tells of more nodes of the swarm; known ones and malformed ones are passed over. */
  addBootstrap(addresses: readonly string[]): void {
    for (const node of this.#nodes) addTo(node, addresses);
    for (const node of this.#nodes) node.refresh();
    this.#onBootstrap();
  }

  status(): DhtStatus {
    const { dht } = this;
    const { responses, timeouts } = dht.stats.requests;
    const nat = dht.host === null ? "unknown" : dht.port === 0 ? "random" : ("consistent" as const);
    return {
      bootstrapped: dht.bootstrapped && responses > 0,
      ...(dht.host === null ? {} : { publicHost: dht.host }),
      ...(dht.host === null || dht.port === 0 ? {} : { publicPort: dht.port }),
      firewalled: dht.firewalled,
      nat: dht.firewalled ? nat : "open",
      udpBlocked: responses === 0 && timeouts > 0,
    };
  }

  /** Calls `listener` when more nodes of the swarm have become known. */
  onBootstrap(listener: () => void): void {
    this.#onBootstrap = listener;
  }

  /** Calls `closer` before the node closes. */
  beforeClose(closer: () => Promise<void>): void {
    this.#closers.push(closer);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#lonely);
    await Promise.allSettled(this.#closers.map((closer) => closer()));
    await Promise.allSettled(this.#nodes.map((node) => node.destroy({ force: true })));
    this.#seal?.close();
  }

  /** A line in the log; never a key or an address of others. */
  log(level: "debug" | "warn", event: string, error: unknown): void {
    this.options.log.write(level, event, { reason: messageOf(error) });
  }
}

/** Starts the part of a peer in its swarm's DHT. Resolves when its ports are bound; others may be
 * unreachable.
 * @throws the system's error where a port is taken */
export async function openDhtNode(options: DhtOptions): Promise<DhtNode> {
  const usePublic = options.publicDht !== undefined;
  const { swarmKeys, clock, random } = options;
  const seal = usePublic ? undefined : new DatagramSeal(swarmKeys, clock, random);
  const { host = ANY_HOST, isPublic } = options;
  const outer = options.publicHost ?? (host === ANY_HOST ? undefined : host);
  // Sockets of one address cannot be reached by the machine's inner one, and need not be.
  const siblings: Siblings = { host: host === ANY_HOST ? outer : undefined, ports: new Set() };
  const count = isPublic ? DHT_NODES_PUBLIC : 1;
  const nodes: HyperDHT[] = [];
  const known = options.publicDht ?? options.bootstrap;
  try {
    for (let index = 0; index < count; index++) {
      const udx = seal === undefined ? undefined : new SealedUdx(seal, siblings);
      nodes.push(await bindNode(options, index, known, udx));
    }
  } catch (error) {
    await Promise.allSettled(nodes.map((node) => node.destroy({ force: true })));
    seal?.close();
    throw error;
  }
  if (isPublic && outer !== undefined) introduce(nodes, outer, siblings.ports);
  return new DhtNode(options, nodes, seal);
}

/** A node that is bound to its port and looks for the others in the background. */
async function bindNode(
  options: DhtOptions,
  index: number,
  known: readonly string[],
  udx: UDX | undefined,
): Promise<HyperDHT> {
  const port = options.port === undefined ? 0 : options.port + index;
  const publicHost = options.publicHost ?? options.host;
  const node = new HyperDHT({
    // An empty list of ours is none at all: the library's own would be the public network.
    bootstrap: [],
    keyPair: keyPairOf(options.key),
    host: options.host ?? ANY_HOST,
    port: [port, port + 1],
    anyPort: false,
    connectionKeepAlive: options.keepAliveMs ?? STREAM_KEEP_ALIVE_MS,
    randomPunchInterval: PUNCH_RANDOM_INTERVAL_MS,
    maxSize: DHT_RECORDS_MAX,
    ...(options.isPublic ? { ephemeral: false, firewalled: false } : {}),
    ...(udx === undefined ? {} : { udx }),
  });
  samplesOwnSocketAlone(node);
  addTo(node, known);
  try {
    await node.bind();
  } catch (error) {
    node.io.networkInterfaces.destroy();
    await node.destroy({ force: true }).catch(() => undefined);
    throw error;
  }
  const bound = node.io.serverSocket?.address()?.port;
  if (options.isPublic && bound !== undefined && publicHost !== undefined) {
    // As the library's own `bootstrapper` does it: a node that nobody can tell its address.
    if (publicHost !== ANY_HOST) node._nat.add(publicHost, bound);
  }
  node.fullyBootstrapped().catch((error: unknown) => {
    options.log.write("warn", "dht.bootstrap", { reason: messageOf(error) });
  });
  return node;
}

/** The library concludes from the ports at which others see us what kind of router this is. It also
 * counts the ports of its passing sockets for punching, where the first answer of a node comes to
 * one: behind a cone router that looks as if every peer saw another port. */
function samplesOwnSocketAlone(node: HyperDHT): void {
  const add = node._addNodeFromNetwork.bind(node);
  node._addNodeFromNetwork = (isOwnSocket, from, to) => {
    if (isOwnSocket) add(true, from, to);
    else if (from.id !== null) add(false, from, null);
  };
}

/** The nodes of one peer know each other from the start. */
function introduce(nodes: readonly HyperDHT[], host: string, ports: Set<number>): void {
  for (const node of nodes) {
    const port = node.io.serverSocket?.address()?.port;
    if (port !== undefined) ports.add(port);
  }
  const addresses = [...ports].map((port) => formatAddress({ host, port }));
  for (const node of nodes) {
    const own = node.io.serverSocket?.address()?.port;
    addTo(
      node,
      addresses.filter((address) => parseAddress(address)?.port !== own),
    );
    void node.fullyBootstrapped().then(
      () => node.refresh(),
      () => undefined,
    );
  }
}

function addTo(node: HyperDHT, addresses: readonly string[]): void {
  const { bootstrapNodes } = node;
  for (const text of addresses) {
    const address = parseAddress(text);
    if (address === undefined || address.host.includes(":")) continue;
    const isKnown = bootstrapNodes.some(
      ({ host, port }) => host === address.host && port === address.port,
    );
    if (isKnown) continue;
    bootstrapNodes.push(address);
    if (bootstrapNodes.length > DHT_BOOTSTRAP_MAX) bootstrapNodes.shift();
  }
}

/** The library's form of a key pair: the public key, and the seed followed by it. */
function keyPairOf(key: SigningKey): HyperDHT.KeyPair {
  const publicKey = Buffer.from(key.publicKey);
  // The seed is the end of the fixed layout of RFC 8410.
  const seed = key.secret.export({ format: "der", type: "pkcs8" }).subarray(-SEED_BYTES);
  return { publicKey, secretKey: Buffer.concat([seed, publicKey]) };
}
