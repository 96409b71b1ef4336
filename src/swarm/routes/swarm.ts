import { ADMISSION_REQUEST_MAX_BYTES, CHAIN_MAX_BYTES } from "../../codec/admission.ts";
import { SWARM_STATE_MAX_BYTES } from "../../base/limits.ts";
import { SwarmError } from "../error.ts";
import type { Membership } from "../membership/membership.ts";
import { jsonAnswer, readBody, type PeerServices, type Route } from "./route.ts";

const BYTES: Readonly<Record<string, string>> = { "content-type": "application/octet-stream" };

/** @throws SwarmError PATH_UNKNOWN where this peer takes no part in membership */
export function membershipOf({ membership }: PeerServices): Membership {
  if (membership !== undefined) return membership;
  throw new SwarmError("PATH_UNKNOWN", "there is nothing at this path");
}

/** `POST /v1/swarm/key`: the newest rekey, for a member that shows how it came in. */
export const postSwarmKey: Route = async (services, request) => {
  const membership = membershipOf(services);
  const chain = await readBody(request, CHAIN_MAX_BYTES);
  return { status: 200, headers: BYTES, body: membership.rekeyFor(request.peer, chain) };
};

/** `POST /v1/swarm/rekey`: takes the founder's rekey, whoever brings it. */
export const postSwarmRekey: Route = async (services, request) => {
  const membership = membershipOf(services);
  const envelope = await readBody(request, SWARM_STATE_MAX_BYTES);
  return jsonAnswer(200, { number: await membership.takeRekey(envelope) });
};

/** `POST /v1/swarm/used`: counts a guest that another member let in. */
export const postSwarmUsed: Route = async (services, request) => {
  const membership = membershipOf(services);
  membership.noteUse(await readBody(request, ADMISSION_REQUEST_MAX_BYTES));
  return jsonAnswer(200, {});
};
