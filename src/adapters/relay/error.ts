import { HoldfastError } from "../../base/error.ts";

export type RelayCode =
  | "RELAY_CLOSED"
  | "RELAY_FULL"
  | "RELAY_REFUSED"
  | "RELAY_TARGET_AWAY"
  | "RELAY_TOKEN_INVALID";

/** What a relay answers to a peer that it does not serve. */
export class RelayError extends HoldfastError<RelayCode> {}
