import type { DoctorFacts } from "./doctor-facts.ts";
import { ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";

/** One such peer gives the swarm its DHT nodes and a relay. */
export const NEED_PUBLIC_PEER =
  "have one member with a public address: forward its ports, or run `holdfast tracker` on a " +
  "rented machine; it relays by itself";

/** So many nodes have to answer before a router can be judged. */
const NODES_TO_JUDGE = 3;

/** What the network around this peer is like: router, opened ports, IPv6, directories. */
export function judgeNetwork(facts: DoctorFacts): Finding[] {
  return [
    judgeRouter(facts),
    judgeMappings(facts),
    judgeIpv6(facts),
    judgeDht(facts),
    ...judgeTrackers(facts),
  ];
}

function judgeRouter({ router }: DoctorFacts): Finding {
  const { nat, udpBlocked, publicHost, asked } = router;
  const seen = publicHost === undefined ? "" : `; others see ${publicHost}`;
  if (udpBlocked) {
    return warn(
      "router",
      "UDP is blocked: nothing that was sent came back, so no hole can be punched",
      "allow outgoing UDP in the firewall; without it TCP still works, directly or through a relay",
    );
  }
  if (nat === "open") return ok("router", `none that translates addresses${seen}`);
  if (nat === "consistent") {
    return ok("router", `shows all peers the same port ("cone"): holes can be punched${seen}`);
  }
  if (nat === "random") {
    return warn(
      "router",
      `shows each peer another port ("symmetric")${seen}`,
      "forward a port and set public_address, or switch on UPnP in the router; peers behind " +
        "another symmetric router need a relay",
    );
  }
  if (asked >= NODES_TO_JUDGE) {
    return warn(
      "router",
      "its kind is unknown: nodes do not agree on this machine's address, as after it has changed",
      "ask again later, or restart: `holdfast down` and `holdfast up`",
    );
  }
  const heard =
    asked === 0
      ? "nobody could be asked"
      : `only ${asked} could be asked, ${NODES_TO_JUDGE} are needed`;
  return warn("router", `its kind is unknown: ${heard}`, NEED_PUBLIC_PEER);
}

function judgeMappings({ mappings, router, dialBack }: DoctorFacts): Finding {
  const { method, ports, failure } = mappings;
  if (ports.length > 0) {
    return ok("ports", `the router opened ${ports.join(", ")} (${method ?? "asked"})`);
  }
  if (router.nat === "open") return ok("ports", "no router has to open any");
  const why = failure ?? "no router answered to UPnP or NAT-PMP";
  if (dialBack.reached > 0) return ok("ports", `none had to be opened (${why})`);
  return warn(
    "ports",
    `the router opened none: ${why}`,
    "switch on UPnP or NAT-PMP in the router, or forward a port by hand and set public_address",
  );
}

function judgeIpv6({ ipv6 }: DoctorFacts): Finding {
  // Going without is nothing that a user has to mend: everything works over IPv4.
  return ok("ipv6", ipv6.length === 0 ? "no address: IPv4 alone is used" : ipv6.join(", "));
}

function judgeDht({ dht, router, peers }: DoctorFacts): Finding {
  const { network, bootstrapped, bootstrapNodes, ownNodes } = dht;
  if (network === "off") {
    return warn("dht", "is switched off", "without it no hole is punched: switch it on");
  }
  if (!bootstrapped) {
    const why =
      bootstrapNodes === 0
        ? "no node to begin with is known"
        : `none of ${bootstrapNodes} known nodes answers`;
    const remedy = router.udpBlocked ? "allow outgoing UDP in the firewall" : NEED_PUBLIC_PEER;
    // A swarm of one has nobody to run one.
    return peers.known === 0 ? ok("dht", `not needed yet: ${why}`) : warn("dht", why, remedy);
  }
  const own = ownNodes === 0 ? "" : `; this peer runs ${ownNodes} nodes for others`;
  if (network === "public") {
    return warn(
      "dht",
      `on the public network: strangers there can see this peer's address${own}`,
      "`holdfast config unset public_dht` once the swarm has a public peer of its own",
    );
  }
  return ok("dht", `on the swarm's own nodes, ${bootstrapNodes} known${own}`);
}

function judgeTrackers({ trackers }: DoctorFacts): Finding[] {
  return trackers.map(({ peer, connected, failure }) =>
    connected
      ? ok("tracker", `${peer} is connected`)
      : warn(
          "tracker",
          `${peer} cannot be reached: ${failure ?? "it does not answer"}`,
          "start it again; other directories are used meanwhile",
        ),
  );
}
