import { deriveKey } from "./hash.node.ts";

/** The key that an invitation carries: it opens the lobby of the swarm with that network key, and
 * tells nothing of the network key. */
export function lobbyKeyOf(networkKey: Uint8Array): Uint8Array {
  return deriveKey("lobby", networkKey);
}

/** The content secret of the swarm whose first network key this is: 32 bytes. It stays when network
 * keys change. */
export function contentSecretOf(firstNetworkKey: Uint8Array): Uint8Array {
  return deriveKey("swarm content", firstNetworkKey);
}

/** The 32 bytes of a swarm's id. They commit to the content secret, so that whoever has the id out
 * of an invitation can check the secret that it is given. */
export function swarmIdOf(contentSecret: Uint8Array): Uint8Array {
  return deriveKey("swarm id", contentSecret);
}
