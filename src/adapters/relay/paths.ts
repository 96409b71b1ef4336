import type { PeerId } from "../../base/id.ts";

/** Where a relay answers. */
export const RELAY_PATH = "/v1/relay/";
/** Where a home waits to be told of diallers. */
export const WAIT_PATH = `${RELAY_PATH}wait`;
/** What the waiting stream says: a dialler is there, and the token to fetch it with. */
export const INCOMING = /^INCOMING ([A-Za-z0-9_-]{22})$/;

/** Where a dialler asks to be led to `target`. */
export function leadPath(target: PeerId): string {
  return `${RELAY_PATH}to/${target}`;
}

/** Where a home fetches a dialler. */
export function takePath(token: string): string {
  return `${RELAY_PATH}take/${token}`;
}
