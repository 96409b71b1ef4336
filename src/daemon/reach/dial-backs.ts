import type { Clock } from "../../ports/clock.ts";
import { askDialBack } from "../../swarm/dial-back.ts";
import { DialBackVotes, isPublicPlace } from "../own-addresses.ts";
import type { ComposedReach } from "./compose-reach.ts";

/** Between the first two rounds, and at most: doubled from one to the next. */
const FIRST_ROUND_MS = 60_000;
const ROUND_MAX_MS = 6 * 3_600_000;
/** Peers outside that are asked in one round. */
const ASKED_MAX = 3;
const ASK_MAX_MS = 8_000;

/** Asks peers outside again and again whether they get through to our port, and tells our card
 * where they did: so a port that was forwarded by hand is found without being configured. Never
 * throws.
 * @returns when `signal` is aborted */
export async function keepAskingBack(
  { known: { book }, net, peerNet, card }: ComposedReach,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const votes = new DialBackVotes(clock);
  const { port } = peerNet.direct;
  let waitMs = FIRST_ROUND_MS / 2;
  while (!signal.aborted) {
    const outer = book.peers().filter(({ addresses }) => addresses.some(isPublicPlace));
    let answered = 0;
    for (const { id } of outer.slice(0, ASKED_MAX)) {
      try {
        const limit = AbortSignal.any([signal, AbortSignal.timeout(ASK_MAX_MS)]);
        votes.note(id, await askDialBack(net, id, [port], limit), port);
        answered++;
      } catch {
        // Another one may answer, or the same one later.
      }
    }
    if (answered > 0) card.learn("reached", votes.proven(port), []);
    // Nobody outside is known yet, perhaps for a moment only: that was no round.
    if (answered > 0) waitMs = Math.min(ROUND_MAX_MS, waitMs * 2);
    await clock.sleep(waitMs, signal).catch(() => undefined);
  }
}
