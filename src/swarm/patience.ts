import type { PeerId } from "../base/id.ts";
import type { Clock } from "../ports/clock.ts";
import { SwarmError } from "./error.ts";
import type { Roster } from "./roster.ts";

/** Whoever has not answered a small request for so long is taken for away: a peer behind a router
 * of the worst kind may be reached later, and what waits for it now is done without. */
const PATIENCE_MS = 6_000;

/** Asks peers for small things and does not wait long for those that are away. */
export class Patience {
  readonly #clock: Clock;
  readonly #roster: Roster;

  constructor(clock: Clock, roster: Roster) {
    this.#clock = clock;
    this.#roster = roster;
  }

  /** What `ask` comes to; nothing is asked of a peer that failed a moment ago.
   * @throws SwarmError PEER_AWAY; what `ask` throws; the signal's reason */
  async ask<Answer>(
    peer: PeerId,
    ask: (signal: AbortSignal) => Promise<Answer>,
    signal: AbortSignal,
  ): Promise<Answer> {
    if (this.#roster.backsOff(peer)) {
      throw new SwarmError("PEER_AWAY", `peer ${peer}: it did not answer a moment ago`);
    }
    const done = new AbortController();
    const late = new AbortController();
    const error = new SwarmError("PEER_AWAY", `peer ${peer}: no answer within ${PATIENCE_MS} ms`);
    this.#clock.sleep(PATIENCE_MS, AbortSignal.any([signal, done.signal])).then(
      () => {
        this.#roster.failed(peer, PATIENCE_MS);
        late.abort(error);
      },
      () => undefined,
    );
    try {
      return await ask(AbortSignal.any([signal, late.signal]));
    } finally {
      done.abort();
    }
  }
}
