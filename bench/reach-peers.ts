/** The peers of the benchmark of reach: a relay, a holder and an owner, each in a process of its
 * own, on the loopback. They know each other's keys from fixed seeds. */
import { systemClock } from "../src/adapters/clock.node.ts";
import { Acceptor } from "../src/adapters/dht/acceptor.ts";
import { createPunchedCarrier, createRelayedCarrier } from "../src/adapters/dht/carrier.ts";
import { openDhtNode, type DhtNode } from "../src/adapters/dht/node.ts";
import { openUdpRelay } from "../src/adapters/dht/relay.ts";
import type { Carrier } from "../src/adapters/net/carrier.ts";
import { openNet, type CarrierNet } from "../src/adapters/net/net.ts";
import { SESSION_BOUNDS, SESSION_TIMES } from "../src/adapters/net/options.ts";
import { createUpgrades, type Upgrades } from "../src/adapters/net/upgrade.ts";
import { systemRandom } from "../src/adapters/random.node.ts";
import { RelayCarrier } from "../src/adapters/relay/carrier.ts";
import { openRelayServer } from "../src/adapters/relay/server.ts";
import { openDirectCarrier, type DirectCarrier } from "../src/adapters/tls/carrier.ts";
import { idOf, type PeerId } from "../src/base/id.ts";
import { MIB } from "../src/base/limits.ts";
import { signingKeyOf, type SigningKey } from "../src/crypto/sign.node.ts";
import type { IncomingRequest, OutgoingResponse } from "../src/ports/net.ts";
import { fixedSwarmKeys } from "../src/ports/swarm-keys.ts";
import { createMemoryDirectory, type MemoryDirectory } from "../src/swarm/peer-list.ts";

/** Bytes of one body, as large as a shard often is. */
export const BODY_BYTES = 4 * MIB;
/** A path that answers with two bytes. */
export const SMALL_PATH = "/small";
/** Every way of reaching a peer, the reference first. */
export const CARRIERS = ["direct", "punched", "relayed-udp", "relayed-tcp"] as const;
export type CarrierName = (typeof CARRIERS)[number];

const host = "127.0.0.1";
const log = { write: () => undefined };
const random = systemRandom;
const swarmKeys = fixedSwarmKeys(new Uint8Array(32).fill(7));
/** What a relay gives by default is less than a loopback carries. */
const UNLIMITED = { bytesPerSecondPerPeer: 2 ** 40 };

type Role = "relay" | "holder" | "owner";

function keyOf(role: Role): SigningKey {
  return signingKeyOf(new Uint8Array(32).fill(role.charCodeAt(0)));
}

/** The id of a peer by its role. */
export function peerOf(role: Role): PeerId {
  return idOf(keyOf(role).publicKey);
}

/** Where the relay is, by TCP and by UDP. */
export interface RelayPlace {
  port: number;
  bootstrap: readonly string[];
}

/** A peer with every carrier. */
export interface ReachPeer {
  readonly carriers: Readonly<Record<CarrierName, Carrier>>;
  readonly direct: DirectCarrier;
  readonly directory: MemoryDirectory;
  readonly upgrades: Upgrades;
  readonly node: DhtNode;
  readonly acceptor: Acceptor;
  close(): Promise<void>;
}

/** Opens a peer; `relay` is where the relay is, for all but the relay itself. */
export async function openReachPeer(role: Role, relay?: RelayPlace): Promise<ReachPeer> {
  const key = keyOf(role);
  const directory = createMemoryDirectory();
  if (relay !== undefined) addTo(directory, "relay", relay.port);
  const common = { key, swarmKeys, directory, clock: systemClock, random, log, host };
  const direct = openDirectCarrier(common);
  const upgrades = createUpgrades(direct, SESSION_TIMES.answerMs);
  const bootstrap = relay?.bootstrap ?? [];
  const node = await openDhtNode({ ...common, bootstrap, isPublic: role === "relay" });
  const acceptor = new Acceptor(node);
  const relays = (): PeerId[] => (relay === undefined ? [] : [peerOf("relay")]);
  const relayedTcp = new RelayCarrier({
    self: idOf(key.publicKey),
    upgrader: upgrades,
    relays,
    accept: (raw) => direct.accept(raw, "relayed"),
    secure: (raw, peer, signal) => direct.secure(raw, peer, signal),
    clock: systemClock,
    random,
    log,
  });
  const carriers = {
    direct,
    punched: createPunchedCarrier(node, acceptor),
    "relayed-udp": createRelayedCarrier(node, acceptor, { relays }),
    "relayed-tcp": relayedTcp,
  };
  const close = async (): Promise<void> => {
    await Promise.all(Object.values(carriers).map((carrier) => carrier.close()));
    upgrades.close();
    await node.close();
  };
  return { carriers, direct, directory, upgrades, node, acceptor, close };
}

/** Tells where a peer is reached by TCP. */
export function addTo(directory: MemoryDirectory, role: Role, port: number): void {
  directory.add({ id: peerOf(role), addresses: [`${host}:${port}`], offeredBytes: 0 });
}

/** A net over some carriers of a peer, with at most `sessions` dialled to one peer. */
export function netOver(
  role: Role,
  { upgrades, direct }: ReachPeer,
  carriers: readonly Carrier[],
  sessions: number,
): CarrierNet {
  return openNet({
    self: peerOf(role),
    carriers,
    upgrades,
    port: () => direct.port,
    log,
    times: SESSION_TIMES,
    bounds: { ...SESSION_BOUNDS, dialledPerPeerMax: sessions },
  });
}

async function answer({ method, path, body }: IncomingRequest): Promise<OutgoingResponse> {
  for await (const _block of body);
  return { status: 200, body: method === "GET" && path !== SMALL_PATH ? BODY : TWO_BYTES };
}

const BODY = new Uint8Array(new SharedArrayBuffer(BODY_BYTES));
const TWO_BYTES = new Uint8Array(2);

/** The process of the relay or the holder: says where it is, and its CPU time when it is asked. */
async function serve(role: Role, relay: RelayPlace | undefined): Promise<void> {
  const peer = await openReachPeer(role, relay);
  const net = netOver(role, peer, Object.values(peer.carriers), 1);
  const { port } = await net.listen(answer);
  if (role === "relay") {
    openRelayServer(peer.upgrades, { limits: UNLIMITED, clock: systemClock, random, log });
    await openUdpRelay(peer.node, peer.acceptor);
  }
  process.on("message", () => process.send?.(process.cpuUsage()));
  process.once("disconnect", () => process.exit(0));
  process.send?.({ port, bootstrap: peer.node.bootstrap } satisfies RelayPlace);
}

if (process.argv[2] === "--serve") {
  const [role, relay] = process.argv.slice(3);
  const place = relay === undefined ? undefined : (JSON.parse(relay) as RelayPlace);
  await serve(role === "relay" ? "relay" : "holder", place);
}
