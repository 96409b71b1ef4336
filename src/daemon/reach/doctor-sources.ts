import type { HolderUsage } from "../../shards/holder.ts";
import { askDialBack } from "../../swarm/dial-back.ts";
import type { ComposeParts } from "../compose.ts";
import type { FactSources } from "../doctor.ts";
import { isPublicAddress } from "../../base/public-address.ts";
import type { ComposedReach } from "./compose-reach.ts";
import type { RunningReach } from "./run-reach.ts";

const PROTOCOL = 1;

/** What `doctor` looks at in a running peer. */
export function doctorSources(
  reach: ComposedReach,
  running: RunningReach,
  parts: ComposeParts,
  usage: () => HolderUsage,
): FactSources {
  const { known, client, net, peerNet, dht, card } = reach;
  const { paths, config, clock } = parts;
  const { book } = known;
  return {
    paths,
    storeFolder: config.store_dir ?? paths.shards,
    config,
    port: peerNet.direct.port,
    protocol: PROTOCOL,
    clock,
    usage,
    peers: () => book.peers(),
    hello: (peer, signal) => client.hello(peer, signal),
    carrierOf: (peer) => net.carrierOf(peer),
    dialBack: (peer, ports, signal) => askDialBack(net, peer, ports, signal),
    isPublic: isPublicAddress,
    dht: () => dht.parts?.node.status(),
    dhtNodes: () => dht.parts?.node.bootstrap.length ?? 0,
    mappings: () => running.mappings(),
    trackers: () => {
      const connected = new Set(running.agent.connected());
      return book.withRole("tracker").map((peer) => ({ peer, connected: connected.has(peer) }));
    },
    relaysConnected: () => peerNet.relayed.waitingAt.length,
    isRelay: () => config.relay && card.isPublic,
  };
}
