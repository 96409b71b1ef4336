import { ADMISSION_REQUEST_MAX_BYTES } from "../../codec/admission.ts";
import { CBOR, readBody, type Route } from "./route.ts";
import { membershipOf } from "./swarm.ts";

/** `POST /v1/admit`: lets a guest in that shows an invitation; the only path that guests have. */
export const postAdmit: Route = async (services, request) => {
  const membership = membershipOf(services);
  const body = membership.admit(request.peer, await readBody(request, ADMISSION_REQUEST_MAX_BYTES));
  return { status: 200, headers: CBOR, body };
};
