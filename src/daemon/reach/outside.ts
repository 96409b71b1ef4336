import { formatAddress, parseAddress } from "../../base/address.ts";
import { DHT_NODES_PUBLIC } from "../../adapters/dht/limits.ts";
import type { Config } from "../config.ts";
import { isPublicAddress } from "../../base/public-address.ts";
import { ownAddresses } from "../own-addresses.ts";
import type { OwnCard } from "./own-card.ts";

/** Where this peer's DHT nodes are reached from outside. */
export interface OutsideHost {
  host: string;
  /** The first of the UDP ports. */
  port: number;
}

/** Tells the card what is known of outside addresses from the start: the one of the configuration,
 * else a public one of this machine.
 * @param port the TCP port that we listen on
 * @returns where DHT nodes for others can run; undefined: nothing says that we can be reached */
export function learnOutside(
  card: OwnCard,
  config: Pick<Config, "public_address" | "dht">,
  port: number,
): OutsideHost | undefined {
  const configured =
    config.public_address === undefined ? undefined : parseAddress(config.public_address);
  if (configured !== undefined) {
    return learn(card, "configured", [configured.host], configured.port, config.dht);
  }
  const own = ownAddresses({ port, mapped: [], proven: [] })
    .map((text) => parseAddress(text)?.host ?? "")
    .filter(isPublicAddress);
  return own.length === 0 ? undefined : learn(card, "own", own, port, config.dht);
}

function learn(
  card: OwnCard,
  source: "configured" | "own",
  hosts: readonly string[],
  port: number,
  hasDht: boolean,
): OutsideHost | undefined {
  // The DHT's library speaks IPv4 alone.
  const host = hosts.find((each) => !each.includes(":"));
  const ports = Array.from({ length: DHT_NODES_PUBLIC }, (_, index) => port + index);
  const bootstrap =
    host === undefined || !hasDht ? [] : ports.map((each) => formatAddress({ host, port: each }));
  const addresses = hosts.map((each) => formatAddress({ host: each, port }));
  card.learn(source, addresses, bootstrap);
  return host === undefined || !hasDht ? undefined : { host, port };
}
