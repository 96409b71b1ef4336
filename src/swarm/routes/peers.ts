import { PEERS_PAGE_MAX } from "../../base/limits.ts";
import { encodeCards } from "../wire.ts";
import { CBOR, jsonAnswer, type Route } from "./route.ts";

/** `GET /v1/peers`: cards of peers known here, each signed by the peer it is of. */
export const getPeers: Route = ({ cards }) => ({
  status: 200,
  headers: CBOR,
  body: encodeCards(cards().slice(0, PEERS_PAGE_MAX)),
});

/** `GET /v1/hello`: what this peer speaks and offers. */
export const getHello: Route = ({ hello }) => jsonAnswer(200, hello());
