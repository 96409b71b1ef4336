/** A numbered key of the swarm's network; 32 bytes. */
export interface NetworkKey {
  readonly number: number;
  readonly key: Uint8Array;
}

/** The network keys of this home's swarm. They change while a peer runs: by joining another swarm,
 * and by `swarm rekey`. Whoever derives something from a key asks again after a change. */
export interface SwarmKeys {
  /** What we knock and seal with. */
  current(): NetworkKey;
  /** The one before it, as long as former members may fetch the new one with it. */
  previous(): NetworkKey | undefined;
  /** Calls `listener` after every change.
   * @returns a function that ends it */
  onChange(listener: () => void): () => void;
}

/** The keys of a swarm that never changes its key. */
export function fixedSwarmKeys(key: Uint8Array): SwarmKeys {
  const only = { number: 1, key };
  return {
    current: () => only,
    previous: () => undefined,
    onChange: () => () => undefined,
  };
}
