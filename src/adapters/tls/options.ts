import type { SigningKey } from "../../crypto/sign.node.ts";
import type { PeerId } from "../../base/id.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Directory } from "../../ports/directory.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { SwarmKeys } from "../../ports/swarm-keys.ts";
import type { SessionBounds, SessionTimes } from "../net/options.ts";

/** What `openTlsNet` needs. */
export interface TlsNetOptions {
  /** The peer key: its public half is who we are. */
  key: SigningKey;
  /** Whoever knows none of them gets no byte from us. */
  swarmKeys: SwarmKeys;
  /** Where peers can be reached. */
  directory: Directory;
  /** Hears of every address that was dialled to its end, and whether the peer was there. */
  onTried?: (peer: PeerId, address: string, isThere: boolean) => void;
  clock: Clock;
  random: Random;
  log: Log;
  /** TCP port to listen on; 0 (the default) lets the system choose. */
  port?: number;
  /** Address to listen on; every IPv4 and IPv6 address by default. */
  host?: string;
  times?: Partial<SessionTimes>;
  bounds?: Partial<SessionBounds>;
}
