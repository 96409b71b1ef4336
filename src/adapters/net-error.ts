import { HoldfastError } from "../base/error.ts";

export type NetCode =
  | "PEER_BROKE_PROTOCOL"
  | "PEER_IMPOSTOR"
  | "PEER_REFUSED"
  | "PEER_TIMEOUT"
  | "PEER_UNKNOWN"
  | "PEER_UNREACHABLE";

/** A peer that cannot be talked to; the message names it. */
export class NetError extends HoldfastError<NetCode> {}
