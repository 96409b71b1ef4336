import { PEERS_PAGE_MAX, SIGNED_BODY_MAX_BYTES } from "../../base/limits.ts";
import { SwarmError } from "../error.ts";
import { decodeCards, encodeCards } from "../wire.ts";
import { CBOR, jsonAnswer, readBody, type Route } from "./route.ts";

/** A list of one card, with its signature. */
const PUSH_MAX_BYTES = SIGNED_BODY_MAX_BYTES + 256;

/** `GET /v1/peers`: cards of peers known here, each signed by the peer it is of. */
export const getPeers: Route = ({ cards }) => ({
  status: 200,
  headers: CBOR,
  body: encodeCards(cards().slice(0, PEERS_PAGE_MAX)),
});

/** `POST /v1/peers`: the same, after the asker's own card was taken in, so that a newcomer is known
 * at once. */
export const postPeers: Route = async (services, request, id) => {
  const [card, ...more] = decodeCards(await readBody(request, PUSH_MAX_BYTES), 1);
  if (card === undefined || more.length > 0) {
    throw new SwarmError("REQUEST_MALFORMED", "a push is of one card, the sender's own");
  }
  services.takeCard?.(request.peer, card);
  return getPeers(services, request, id);
};

/** `GET /v1/hello`: what this peer speaks and offers. */
export const getHello: Route = ({ hello }) => jsonAnswer(200, hello());
