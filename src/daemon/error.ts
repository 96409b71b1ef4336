import { HoldfastError } from "../base/error.ts";

export type DaemonCode =
  | "CONFIG_INVALID"
  | "CONFIG_UNREADABLE"
  | "FILE_LIST_INVALID"
  | "HOME_FULL"
  | "HOME_IN_USE"
  | "HOME_NEWER"
  | "HOME_PATH_TOO_LONG"
  | "HOME_UNUSABLE"
  | "PEER_LIST_FULL"
  | "PEER_LIST_REFUSED"
  | "PORT_TAKEN"
  | "STORES_INVALID"
  | "SWARM_KEY_REFUSED";

/** A daemon that cannot start or go on as it is asked to. */
export class DaemonError extends HoldfastError<DaemonCode> {}
