import { assert } from "../../base/assert.ts";
import type { PeerId } from "../../base/id.ts";
import { SWARM_LISTENERS_MAX } from "../../base/limits.ts";
import { Mutex } from "../../base/mutex.ts";
import type { SwarmState } from "../../codec/swarm-state.ts";
import type { Clock } from "../../ports/clock.ts";
import type { NetworkKey, SwarmKeys } from "../../ports/swarm-keys.ts";
import type { RekeyPeers } from "./chain.ts";
import { openRekey } from "./rekey.ts";

export interface SwarmHomeOptions {
  state: SwarmState;
  /** Makes a state durable. */
  save: (state: SwarmState) => Promise<void>;
  clock: Clock;
}

/** The swarm that this home is in, as it is now. */
export class SwarmHome implements SwarmKeys {
  readonly #save: (state: SwarmState) => Promise<void>;
  readonly #clock: Clock;
  readonly #writing = new Mutex();
  readonly #listeners = new Set<() => void>();
  #state: SwarmState;
  #named: RekeyPeers;

  constructor({ state, save, clock }: SwarmHomeOptions) {
    this.#state = state;
    this.#named = namedBy(state);
    this.#save = save;
    this.#clock = clock;
  }

  get state(): SwarmState {
    return this.#state;
  }

  current(): NetworkKey {
    return this.#state.keys[0];
  }

  previous(): NetworkKey | undefined {
    const before = this.#state.keys[1];
    return before !== undefined && this.#clock.nowMs() < (before.retiresMs ?? 0)
      ? before
      : undefined;
  }

  /** Whether the founder has shut this peer out: nothing it asks is answered, whatever it knocked
   * with. */
  isExcluded(peer: PeerId): boolean {
    return this.#named.excluded.has(peer);
  }

  /** Whom the newest rekey names. */
  get named(): RekeyPeers {
    return this.#named;
  }

  /** Puts what `change` makes of the state in its place, one change at a time: durable first, then
   * told to the listeners. Nothing happens where it gives back the same state.
   * @throws what `change` and saving throw; the state is then as before */
  async update(change: (state: SwarmState) => SwarmState): Promise<SwarmState> {
    return await this.#writing.run(async () => {
      const next = change(this.#state);
      if (next === this.#state) return next;
      const named = namedBy(next);
      await this.#save(next);
      this.#state = next;
      this.#named = named;
      for (const listener of this.#listeners) listener();
      return next;
    });
  }

  /** Puts another state in its place, as after joining another swarm. */
  async replace(state: SwarmState): Promise<void> {
    await this.update(() => state);
  }

  onChange(listener: () => void): () => void {
    assert(this.#listeners.size < SWARM_LISTENERS_MAX, "parts that follow the key are few");
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

/** Whom the newest rekey names, the founder's own that is still on its way included. */
function namedBy(state: SwarmState): RekeyPeers {
  if (state.rekey === undefined) return { members: new Set(), excluded: new Set() };
  const { members, excluded } = openRekey(state, state.rekey);
  return { members: new Set(members), excluded: new Set(excluded) };
}
