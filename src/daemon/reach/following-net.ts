import { fromUtf8 } from "../../base/bytes.ts";
import { codeOf, messageOf } from "../../base/error.ts";
import type { PeerId } from "../../base/id.ts";
import type { Log } from "../../ports/log.ts";
import type { Net, PeerResponse } from "../../ports/net.ts";
import { fetchRekey } from "../../swarm/membership/courier.ts";
import type { SwarmHome } from "../../swarm/membership/swarm-home.ts";

/** A peer refuses us for knocking with the old key: asked for the new one once in so long. */
const FETCH_EVERY_MS = 5_000;
const FETCH_MAX_MS = 20_000;

/** A Net that fetches the swarm's new key where a peer refuses us for knocking with the old one,
 * and asks again. */
export function followingNet(net: Net, home: SwarmHome, log: Log, nowMs: () => number): Net {
  let fetching: Promise<boolean> | undefined;
  let fetchedMs = -Infinity;
  const fetch = async (peer: PeerId): Promise<boolean> => {
    try {
      return await fetchRekey(net, peer, home, AbortSignal.timeout(FETCH_MAX_MS));
    } catch (error) {
      log.write("warn", "swarm.key", { peer, code: codeOf(error) ?? "", why: messageOf(error) });
      return false;
    }
  };
  return {
    ...net,
    async request(peer, request, signal) {
      const { number } = home.current();
      const answer = await net.request(peer, request, signal);
      if (!isOldKey(answer)) return answer;
      if (home.current().number === number) {
        if (fetching === undefined && nowMs() - fetchedMs < FETCH_EVERY_MS) return answer;
        fetching ??= fetch(peer).finally(() => {
          fetching = undefined;
          fetchedMs = nowMs();
        });
        if (!(await fetching)) return answer;
      }
      // Blocks that were sent cannot be sent again.
      const isWhole = request.body === undefined || request.body instanceof Uint8Array;
      return isWhole ? net.request(peer, request, signal) : answer;
    },
  };
}

/** Whether a peer says that it knows a newer key than the one that we knocked with. */
function isOldKey({ status, body }: PeerResponse): boolean {
  if (status !== 403) return false;
  try {
    const said: unknown = JSON.parse(fromUtf8(body) ?? "");
    return (said as { code?: unknown }).code === "GUEST_REFUSED";
  } catch {
    return false;
  }
}
