import { setTimeout as timer } from "node:timers/promises";
import type { Keyring } from "../../account/keyring.ts";
import { Acceptor } from "../../adapters/dht/acceptor.ts";
import { createPunchedCarrier } from "../../adapters/dht/carrier.ts";
import { openDhtNode, PUBLIC_DHT_NODES } from "../../adapters/dht/node.ts";
import type { Carrier } from "../../adapters/net/carrier.ts";
import { openNet } from "../../adapters/net/net.ts";
import { SESSION_BOUNDS, SESSION_TIMES } from "../../adapters/net/options.ts";
import { createUpgrades } from "../../adapters/net/upgrade.ts";
import { systemRandom } from "../../adapters/random.node.ts";
import { openDirectCarrier } from "../../adapters/tls/carrier.ts";
import type { Invitation } from "../../codec/invitation.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Net } from "../../ports/net.ts";
import { fixedSwarmKeys, type SwarmKeys } from "../../ports/swarm-keys.ts";
import { invitationCards } from "../../swarm/membership/join.ts";
import { createMemoryDirectory } from "../../swarm/peer-list.ts";
import type { Config } from "../config.ts";

/** How long the public DHT may take to answer at all. */
const BOOTSTRAP_MAX_MS = 8_000;
const POLL_MS = 50;

export interface LobbyParts {
  keyring: Keyring;
  config: Pick<Config, "public_dht">;
  clock: Clock;
  log: Log;
}

/** Which network that is not the swarm's own is used, if any. */
export function publicDhtOf({ public_dht: wanted }: Pick<Config, "public_dht">): {
  publicDht?: readonly string[];
} {
  if (wanted === false) return {};
  return { publicDht: wanted === true ? PUBLIC_DHT_NODES : wanted };
}

/** Opens a net that knocks at the lobby and knows the members that the invitation names: over TCP,
 * and through the public DHT where the configuration has it. */
export async function openLobbyNet(
  invitation: Invitation,
  parts: LobbyParts,
  signal: AbortSignal,
): Promise<Net> {
  const { keyring, config, clock, log } = parts;
  const key = keyring.peer;
  const swarmKeys = fixedSwarmKeys(
    invitation.kind === "closed" ? invitation.lobby : invitation.key,
  );
  const directory = createMemoryDirectory(invitationCards(invitation));
  const common = { key, swarmKeys, clock, random: systemRandom, log };
  const direct = openDirectCarrier({ ...common, directory });
  const { publicDht } = publicDhtOf(config);
  const punched =
    publicDht === undefined ? [] : [await punchedLobby(parts, swarmKeys, publicDht, signal)];
  return openNet({
    self: keyring.peerId,
    carriers: [direct, ...punched],
    upgrades: createUpgrades(direct, SESSION_TIMES.answerMs),
    port: () => direct.port,
    log,
    times: SESSION_TIMES,
    bounds: SESSION_BOUNDS,
  });
}

async function punchedLobby(
  { keyring, clock, log }: LobbyParts,
  swarmKeys: SwarmKeys,
  publicDht: readonly string[],
  signal: AbortSignal,
): Promise<Carrier> {
  const common = { key: keyring.peer, swarmKeys, clock, random: systemRandom, log };
  const node = await openDhtNode({ ...common, bootstrap: [], isPublic: false, publicDht });
  const carrier = createPunchedCarrier(node, new Acceptor(node));
  const untilMs = clock.monotonicMs() + BOOTSTRAP_MAX_MS;
  while (!node.status().bootstrapped && clock.monotonicMs() < untilMs && !signal.aborted) {
    await timer(POLL_MS);
  }
  const close = async (): Promise<void> => {
    await carrier.close();
    await node.close();
  };
  return {
    kind: "punched",
    mayReach: (peer) => carrier.mayReach(peer),
    dial: (peer, stop) => carrier.dial(peer, stop),
    listen: () => Promise.resolve(),
    close,
  };
}
