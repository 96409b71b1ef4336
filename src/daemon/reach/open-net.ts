import { openNet, type CarrierNet } from "../../adapters/net/net.ts";
import { SESSION_BOUNDS, SESSION_TIMES } from "../../adapters/net/options.ts";
import { createUpgrades } from "../../adapters/net/upgrade.ts";
import { systemRandom } from "../../adapters/random.node.ts";
import { RelayCarrier } from "../../adapters/relay/carrier.ts";
import { openRelayServer, type RelayServer } from "../../adapters/relay/server.ts";
import { openDirectCarrier, type DirectCarrier } from "../../adapters/tls/carrier.ts";
import { idOf, type PeerId } from "../../base/id.ts";
import type { SigningKey } from "../../crypto/sign.node.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Directory } from "../../ports/directory.ts";
import type { Log } from "../../ports/log.ts";
import type { SwarmKeys } from "../../ports/swarm-keys.ts";
import type { Config } from "../config.ts";
import type { DhtHost } from "./dht-host.ts";

/** What the net of a peer is made of. */
export interface OpenNetParts {
  key: SigningKey;
  swarmKeys: SwarmKeys;
  directory: Directory;
  onTried: (peer: PeerId, address: string, isThere: boolean) => void;
  clock: Clock;
  log: Log;
  config: Pick<Config, "relay" | "relay_limit">;
  /** TCP port to listen on. */
  port: number;
  dht: DhtHost;
  /** Whether a peer is served at all. */
  admits: (peer: PeerId) => boolean;
}

/** The net of a peer with all its carriers. */
export interface PeerNet {
  net: CarrierNet;
  direct: DirectCarrier;
  /** Sessions over relays that both ends reach by TCP. */
  relayed: RelayCarrier;
  /** Peers that say that they relay. */
  relays: () => PeerId[];
  /** Ends all sessions, and what is relayed for others, as soon as nothing is in flight. */
  retire(): void;
  /** Begins to relay for others, which only makes sense for a peer that can be reached. */
  relayForOthers(): RelayServer | undefined;
}

/** Opens a net over every carrier: direct, punched, relayed over UDP, relayed over TCP. */
export function openPeerNet(parts: OpenNetParts): PeerNet {
  const { key, swarmKeys, directory, clock, log, config, dht } = parts;
  const self = idOf(key.publicKey);
  const common = { key, swarmKeys, directory, clock, random: systemRandom, log };
  const { onTried } = parts;
  const direct = openDirectCarrier({ ...common, port: parts.port, onTried });
  const upgrades = createUpgrades(direct, SESSION_TIMES.answerMs);
  const relays = (): PeerId[] =>
    directory.peers().flatMap(({ id, roles }) => (roles?.includes("relay") === true ? [id] : []));
  const relayed = new RelayCarrier({
    self,
    upgrader: upgrades,
    relays,
    accept: (raw) => direct.accept(raw, "relayed"),
    secure: (raw, peer, signal) => direct.secure(raw, peer, signal),
    clock,
    random: systemRandom,
    log,
  });
  const net = openNet({
    self,
    // TCP is the system's and needs less CPU time: the relay over UDP comes last.
    carriers: [direct, dht.punched, relayed, dht.relayed],
    upgrades,
    port: () => direct.port,
    log,
    times: SESSION_TIMES,
    bounds: SESSION_BOUNDS,
    admits: parts.admits,
  });
  let server: RelayServer | undefined;
  return {
    net,
    direct,
    relayed,
    relays,
    retire() {
      net.retire();
      server?.retire();
    },
    relayForOthers() {
      if (!config.relay) return undefined;
      const limits = { bytesPerSecondPerPeer: config.relay_limit };
      server ??= openRelayServer(upgrades, { limits, clock, random: systemRandom, log });
      return server;
    },
  };
}
