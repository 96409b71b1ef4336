import { signingKeyOf, type SigningKey } from "../../crypto/sign.node.ts";
import { idOf, type PeerId } from "../../base/id.ts";
import type { Log } from "../../ports/log.ts";
import { fixedSwarmKeys, type SwarmKeys } from "../../ports/swarm-keys.ts";
import { systemClock } from "../clock.node.ts";
import { systemRandom } from "../random.node.ts";
import { Acceptor } from "./acceptor.ts";
import { openDhtNode, type DhtNode, type DhtOptions } from "./node.ts";

export const SWARM = fixedSwarmKeys(new Uint8Array(32).fill(7));
const silent: Log = { write: () => undefined };

/** A fresh peer key. */
export function freshKey(): SigningKey {
  return signingKeyOf(systemRandom.bytes(32));
}

/** A node on loopback, with its server. */
export interface TestPeer extends AsyncDisposable {
  readonly id: PeerId;
  readonly node: DhtNode;
  readonly acceptor: Acceptor;
}

/** Starts a node on loopback at free ports. */
export async function startPeer(
  bootstrap: readonly string[],
  options: Partial<DhtOptions> & { swarmKeys?: SwarmKeys } = {},
): Promise<TestPeer> {
  const key = freshKey();
  const node = await openDhtNode({
    key,
    swarmKeys: SWARM,
    clock: systemClock,
    random: systemRandom,
    log: silent,
    bootstrap,
    host: "127.0.0.1",
    isPublic: false,
    ...options,
  });
  const acceptor = new Acceptor(node);
  const id = idOf(options.key?.publicKey ?? key.publicKey);
  return { id, node, acceptor, [Symbol.asyncDispose]: () => node.close() };
}

/** Starts the one public peer of a small swarm. */
export function startPublicPeer(options: Partial<DhtOptions> = {}): Promise<TestPeer> {
  return startPeer([], { isPublic: true, ...options });
}
