/** What kind of router this is: `open`, none that translates (a public address); `consistent`, it
 * shows all peers one address and port ("cone"); `random`, it shows each another ("symmetric");
 * `unknown`, too few could be asked. */
export type NatKind = "open" | "consistent" | "random" | "unknown";

/** What is known of the router, by what others saw of our datagrams. */
export interface RouterFacts {
  nat: NatKind;
  /** Nothing came back over UDP, though nodes are known and answer others. */
  udpBlocked: boolean;
  /** `host` as others see it. */
  publicHost?: string;
  /** Nodes that have answered. */
  asked: number;
}

/** Whether others get through to our TCP port. */
export interface DialBackFacts {
  /** Peers outside of this network that were asked to try, and how many of them got through. */
  asked: number;
  reached: number;
  /** Peers of this network that got through: they say nothing about the outside. */
  near: number;
  /** `host:port` that they tried. */
  address?: string;
}

/** What the router was asked to open. */
export interface MappingFacts {
  /** How: "upnp", "nat-pmp" or "pcp". */
  method?: string;
  /** Open ones, as `tcp 4470`. */
  ports: string[];
  /** Why there are none. */
  failure?: string;
}

/** The DHT as this peer sees it. */
export interface DhtFacts {
  /** `swarm`: on the swarm's own nodes; `public`: on the public network, by configuration. */
  network: "swarm" | "public" | "off";
  bootstrapped: boolean;
  /** Bootstrap nodes that are known, and nodes that this peer runs for others. */
  bootstrapNodes: number;
  ownNodes: number;
}

/** One discovery server that this peer knows. */
export interface TrackerFacts {
  peer: string;
  connected: boolean;
  /** Why it is not. */
  failure?: string;
}

/** The known peers by what was last seen of them. */
export interface PeersFacts {
  known: number;
  /** With a session now or an answer lately, by how it runs. */
  direct: number;
  punched: number;
  relayed: number;
}

/** The disk and the files of this home. */
export interface HomeFacts {
  /** Free on the disk of the shards. */
  freeBytes: number;
  /** Bytes offered to others, and those of them in use. */
  offeredBytes: number;
  usedBytes: number;
  /** Files and folders of the home that other users may read or write. */
  exposed: string[];
}

/** Which programs run. */
export interface VersionFacts {
  holdfast: string;
  node: string;
  /** Peers that speak a protocol that this one does not, and those that were asked. */
  protocolMismatches: number;
  asked: number;
}

/** Everything that `doctor` judges. A part that could not be looked at is left out. */
export interface DoctorFacts {
  /** The TCP port on which peers are served. */
  port: number;
  /** From the configuration. */
  publicAddress?: string;
  router: RouterFacts;
  dialBack: DialBackFacts;
  mappings: MappingFacts;
  /** Addresses of IPv6 that are not of this network alone. */
  ipv6: string[];
  dht: DhtFacts;
  trackers: TrackerFacts[];
  /** Peers that relay: known, and those of them that we hold a connection to. */
  relays: { known: number; connected: number; isRelay: boolean };
  peers: PeersFacts;
  /** Clocks of others against ours, positive where theirs is ahead; one a peer. */
  clockSkewsMs: number[];
  home: HomeFacts;
  versions: VersionFacts;
}
