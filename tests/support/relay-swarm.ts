import assert from "node:assert/strict";
import type { Duplex } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { systemClock } from "../../src/adapters/clock.node.ts";
import { openNet, type CarrierNet } from "../../src/adapters/net/net.ts";
import { SESSION_BOUNDS, SESSION_TIMES } from "../../src/adapters/net/options.ts";
import { createUpgrades, type Upgrader, type Upgrades } from "../../src/adapters/net/upgrade.ts";
import { RelayCarrier } from "../../src/adapters/relay/carrier.ts";
import type { RelayLimits } from "../../src/adapters/relay/limits.ts";
import { openRelayServer, type RelayServer } from "../../src/adapters/relay/server.ts";
import { openDirectCarrier, type DirectCarrier } from "../../src/adapters/tls/carrier.ts";
import { idOf, type PeerId } from "../../src/base/id.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { PeerHandler } from "../../src/ports/net.ts";
import { fixedSwarmKeys } from "../../src/ports/swarm-keys.ts";
import { createMemoryDirectory, type MemoryDirectory } from "../../src/swarm/peer-list.ts";
import { keyOf, random, silent, SWARM_KEY } from "./tls-pair.ts";

const PATIENCE_MS = 20_000;

/** Lets the event loop turn until something is so. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    assert.ok(performance.now() < endMs, `never: ${what}`);
    await turn();
  }
}

/** A peer on the loopback with a direct and a relayed carrier. */
export interface ReachPeer {
  readonly id: PeerId;
  readonly net: CarrierNet;
  readonly direct: DirectCarrier;
  readonly upgrades: Upgrades;
  readonly relayed: RelayCarrier;
  /** Connections that came over relays, where the peer was told to keep them raw. */
  readonly raw: Duplex[];
  close(): Promise<void>;
}

export interface ReachPeerOptions {
  /** What it can dial directly. */
  directory?: MemoryDirectory;
  relays?: () => readonly PeerId[];
  clock?: Clock;
  handler?: PeerHandler;
  /** Whether it waits at its relays from the start; it does unless told otherwise. */
  waits?: boolean;
  /** Without knock and TLS inside: what comes over a relay is kept as it is. */
  isRaw?: boolean;
  secure?: (raw: Duplex, peer: PeerId, signal: AbortSignal) => Promise<Duplex>;
}

/** Opens the peer whose key is made of `number`. */
export async function openReachPeer(
  number: number,
  options: ReachPeerOptions = {},
): Promise<ReachPeer> {
  const key = keyOf(number);
  const id = idOf(key.publicKey);
  const clock = options.clock ?? systemClock;
  const directory = options.directory ?? createMemoryDirectory();
  const swarmKeys = fixedSwarmKeys(SWARM_KEY);
  const parts = { key, swarmKeys, directory, clock: systemClock, random, log: silent };
  const direct = openDirectCarrier({ ...parts, host: "127.0.0.1" });
  const upgrades = createUpgrades(direct, SESSION_TIMES.answerMs);
  const raw: Duplex[] = [];
  const relayed = new RelayCarrier({
    self: id,
    upgrader: upgrades,
    relays: options.relays ?? (() => []),
    secure: async (socket, peer, signal) => {
      if (options.secure !== undefined) return options.secure(socket, peer, signal);
      return options.isRaw === true ? socket : direct.secure(socket, peer, signal);
    },
    accept: (socket) => {
      if (options.isRaw === true) raw.push(socket);
      else direct.accept(socket, "relayed");
    },
    clock,
    random,
    log: silent,
  });
  const net = openNet({
    self: id,
    carriers: [direct, relayed],
    upgrades,
    port: () => direct.port,
    log: silent,
    times: SESSION_TIMES,
    bounds: SESSION_BOUNDS,
  });
  await net.listen(options.handler ?? (async () => ({ status: 404 })));
  if (options.relays === undefined || options.waits === false) relayed.wait(false);
  return { id, net, direct, upgrades, relayed, raw, close: () => net.close() };
}

/** A relay on the loopback, and all that passes through it. */
export interface RelayFixture extends ReachPeer {
  readonly server: RelayServer;
  /** The relay's own ends of the streams, in the order in which they came. */
  readonly legs: { peer: PeerId; path: string; socket: Duplex }[];
  /** Knows where the relay is. */
  readonly directory: MemoryDirectory;
}

/** Opens a peer that relays. */
export async function openRelay(
  number: number,
  limits: Partial<RelayLimits> = {},
  clock: Clock = systemClock,
): Promise<RelayFixture> {
  const peer = await openReachPeer(number);
  const legs: RelayFixture["legs"] = [];
  const watched: Upgrader = {
    open: (to, path, signal) => peer.upgrades.open(to, path, signal),
    serve: (prefix, take) =>
      peer.upgrades.serve(prefix, async (from) => {
        const taken = await take(from);
        assert.ok(typeof taken === "function");
        return (socket) => {
          legs.push({ peer: from.peer, path: from.path, socket });
          taken(socket);
        };
      }),
  };
  const server = openRelayServer(watched, { limits, clock, random, log: silent });
  const addresses = [`127.0.0.1:${peer.direct.port}`];
  const directory = createMemoryDirectory([{ id: peer.id, addresses, offeredBytes: 1 }]);
  return {
    ...peer,
    server,
    legs,
    directory,
    async close() {
      server.close();
      for (const { socket } of legs) socket.destroy();
      await peer.close();
    },
  };
}
