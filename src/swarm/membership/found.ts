import { idOf, type AccountId } from "../../base/id.ts";
import type { SwarmState } from "../../codec/swarm-state.ts";
import { contentSecretOf, swarmIdOf } from "../../crypto/swarm-key.ts";

/** The state of a swarm at its founding. Id and content secret come from the first network key, so
 * that all who were given that key by hand are in one swarm.
 * @param key 32 bytes: the first network key
 * @param founder undefined where a home was given the key and not who made it */
export function foundSwarm(
  key: Uint8Array,
  founder: AccountId | undefined,
  open = false,
): SwarmState {
  const content = new Uint8Array(contentSecretOf(key));
  return {
    id: idOf(swarmIdOf(content)),
    ...(founder === undefined ? {} : { founder }),
    open,
    content,
    keys: [{ number: 1, key }],
    chain: [],
  };
}
