import { KIB } from "../../base/limits.ts";
import { readPorts } from "../dial-back.ts";
import { SwarmError } from "../error.ts";
import { jsonAnswer, readBody, type Route } from "./route.ts";

/** `POST /v1/dial-back`: whether the asker can be reached directly, where it is seen from here. */
export const postDialBack: Route = async ({ dialBack }, request) => {
  if (dialBack === undefined) {
    throw new SwarmError("DIAL_BACK_REFUSED", "this peer dials nobody back");
  }
  const ports = readPorts(await readBody(request, KIB));
  const asker = { peer: request.peer, address: request.address };
  return jsonAnswer(200, await dialBack.dial(asker, ports, request.signal));
};
