import type { Clock } from "../ports/clock.ts";
import type { Control } from "./control.ts";
import { judge } from "./doctor.ts";
import { GatewayError } from "./error.ts";
import type { Call } from "./handlers.ts";
import type { Reach } from "./reach.ts";
import type { InputOf, ResultOf } from "./routes.ts";

/** The routes about the swarm and the network. */
export type ReachRoute =
  | "invite"
  | "join"
  | "swarm"
  | "swarmCreate"
  | "rekey"
  | "leaveSwarm"
  | "peers"
  | "addPeers"
  | "removePeer"
  | "doctor";

type ReachHandlers = {
  [Name in ReachRoute]: (
    input: InputOf<Name>,
    call: Call,
  ) => Promise<ResultOf<Name>> | ResultOf<Name>;
};

/** What these routes are served from. */
export interface ReachServices {
  control: Control;
  reach: Reach;
  clock: Clock;
}

/** The handlers of the routes about the swarm and the network. */
export function reachHandlers({ control, reach, clock }: ReachServices): ReachHandlers {
  return {
    async invite({ uses, lifetimeMs, vouchBytes }, { signal }) {
      const expiresMs = Math.floor(clock.nowMs()) + lifetimeMs;
      const input = { uses, expiresMs, ...(vouchBytes === undefined ? {} : { vouchBytes }) };
      const invited = await reach.invite(input, signal);
      return { ...invited, open: reach.swarm().open, uses, expiresMs };
    },
    join: ({ invitation }, { signal }) => reach.join(invitation, signal),
    swarm: () => reach.swarm(),
    swarmCreate: (input, { signal }) => reach.swarmCreate(input, signal),
    rekey(input, { signal }) {
      if (!reach.swarm().isFounder) {
        throw new GatewayError("FOUNDER_ONLY", "only the founder's account may change the key", {
          hint: "ask the swarm's founder; `holdfast swarm` shows the founder's account",
        });
      }
      return reach.rekey(input, signal);
    },
    leaveSwarm: (_input, { signal }) => reach.leaveSwarm(signal),
    async peers({ probe }, { signal }) {
      return { peers: await reach.peers(probe, signal) };
    },
    async addPeers({ peers }, { signal }) {
      control.addPeers(
        peers.map(({ site, ...card }) => (site === undefined ? card : { ...card, site })),
      );
      return { peers: await reach.peers(false, signal) };
    },
    async removePeer({ peer }, { signal }) {
      if (!reach.removePeer(peer)) {
        throw new GatewayError("PEER_NOT_LISTED", `peer ${peer} is not known`, {
          hint: "`holdfast peers` lists the known ones",
        });
      }
      return { peers: await reach.peers(false, signal) };
    },
    doctor: async (_input, { signal }) => judge(await reach.facts(signal)),
  };
}
