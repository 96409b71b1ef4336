import { DHT_NODES_PUBLIC } from "../../adapters/dht/limits.ts";
import { openRouterPorts } from "../../adapters/router/router-ports.ts";
import type { MappedPort } from "../../adapters/router/ways.ts";
import { parseAddress } from "../../base/address.ts";
import type { MappingFacts } from "../../gateway/doctor-facts.ts";
import type { Closers } from "../closers.ts";
import type { ComposeParts } from "../compose.ts";
import { isPublicPlace } from "../own-addresses.ts";
import type { ComposedReach } from "./compose-reach.ts";
import type { OutsideHost } from "./outside.ts";
import type { Search } from "./search.ts";

/** What the router did for us. */
export interface Router {
  /** For `doctor`. */
  facts(): MappingFacts;
}

/** Asks the router to open our ports, and tells card and DHT of those that it opened. A peer that
 * is reachable anyhow asks for nothing. */
export function openRouter(
  { card, peerNet }: ComposedReach,
  { config, clock, log }: ComposeParts,
  search: Search,
  closers: Closers,
): Router {
  if (card.isPublic) return { facts: () => ({ ports: [], failure: "not needed" }) };
  if (!config.router_ports) return { facts: () => ({ ports: [], failure: "switched off" }) };
  const { port } = peerNet.direct;
  const udpPorts = config.dht
    ? Array.from({ length: DHT_NODES_PUBLIC }, (_, index) => port + index)
    : [];
  const onChange = (): void => {
    const mapped = ports.mapped();
    const tcp = outer(mapped, "tcp");
    const udp = outer(mapped, "udp");
    // DHT nodes tell others the ports that they listen on: the outer ones must be the same.
    const outside = outsideOf(udp);
    const isWhole = udp.length === udpPorts.length && outside?.port === port;
    card.learn("mapped", tcp, isWhole ? udp : []);
    search.reachedAt(isWhole ? outside : undefined);
  };
  const ports = openRouterPorts({ tcpPort: port, udpPorts, clock, log, onChange });
  closers.add(() => ports.close());
  return {
    facts: () => ({
      ports: ports.mapped().map(({ protocol, port: opened }) => `${protocol} ${opened}`),
      ...ports.outcome(),
    }),
  };
}

/** Outer addresses that lead somewhere: a router behind another one maps to private ones. */
function outer(mapped: readonly MappedPort[], wanted: MappedPort["protocol"]): string[] {
  return mapped.flatMap(({ protocol, external }) =>
    protocol === wanted && isPublicPlace(external) ? [external] : [],
  );
}

/** The lowest of the outer places. */
function outsideOf(udp: readonly string[]): OutsideHost | undefined {
  const [first] = udp.map(parseAddress).sort((a, b) => (a?.port ?? 0) - (b?.port ?? 0));
  return first;
}
