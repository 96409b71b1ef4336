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
  reach?: Reach;
  clock: Clock;
}

/** The handlers of the routes about the swarm and the network. */
export function reachHandlers(services: ReachServices): ReachHandlers {
  const { control, clock } = services;
  return {
    async invite({ uses, lifetimeMs, vouchBytes }, { signal }) {
      const expiresMs = clock.nowMs() + lifetimeMs;
      const input = { uses, expiresMs, ...(vouchBytes === undefined ? {} : { vouchBytes }) };
      const reach = reachOf(services);
      const invited = await reach.invite(input, signal);
      return { ...invited, open: reach.swarm().open, uses, expiresMs };
    },
    join: ({ invitation }, { signal }) => reachOf(services).join(invitation, signal),
    swarm: () => reachOf(services).swarm(),
    swarmCreate: (input, { signal }) => reachOf(services).swarmCreate(input, signal),
    rekey(input, { signal }) {
      const reach = reachOf(services);
      if (!reach.swarm().isFounder) {
        throw new GatewayError("FOUNDER_ONLY", "only the founder's account may change the key", {
          hint: "ask the swarm's founder; `holdfast swarm` shows the founder's account",
        });
      }
      return reach.rekey(input, signal);
    },
    leaveSwarm: (_input, { signal }) => reachOf(services).leaveSwarm(signal),
    async peers({ probe }, { signal }) {
      const { reach } = services;
      return { peers: await (reach ?? control).peers(probe, signal) };
    },
    async addPeers({ peers }, { signal }) {
      control.addPeers(
        peers.map(({ site, ...card }) => (site === undefined ? card : { ...card, site })),
      );
      return { peers: await (services.reach ?? control).peers(false, signal) };
    },
    async removePeer({ peer }, { signal }) {
      const reach = reachOf(services);
      if (!reach.removePeer(peer)) {
        throw new GatewayError("PEER_NOT_LISTED", `peer ${peer} is not known`, {
          hint: "`holdfast peers` lists the known ones",
        });
      }
      return { peers: await reach.peers(false, signal) };
    },
    doctor: async (_input, { signal }) => judge(await reachOf(services).facts(signal)),
  };
}

function reachOf({ reach }: ReachServices): Reach {
  if (reach !== undefined) return reach;
  throw new GatewayError("ROUTE_UNKNOWN", "this daemon does not serve its swarm here");
}
