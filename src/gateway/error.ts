import { HoldfastError } from "../base/error.ts";

export type GatewayCode =
  | "CONTENT_UNKNOWN"
  | "DAEMON_BUSY"
  | "DAEMON_STOPPING"
  | "FOUNDER_ONLY"
  | "INTERNAL"
  | "JOB_ABORTED"
  | "PEER_NOT_LISTED"
  | "REQUEST_INVALID"
  | "ROUTE_UNKNOWN"
  | "SWARM_NOT_ALONE"
  | "TEST_CLOCK_OFF"
  | "WARNINGS_LEFT_OUT";

/** A request to the local API that is not served. */
export class GatewayError extends HoldfastError<GatewayCode> {}

/** What the local API says of a failure. */
export interface ErrorAnswer {
  code: string;
  message: string;
  hint?: string;
}

/** What may be told of an error: coded ones as they are, anything else is a bug of ours, whose text
 * goes to the log alone. */
export function errorAnswer(error: unknown): ErrorAnswer {
  if (error instanceof HoldfastError) {
    const known = error as HoldfastError;
    const hint = known.hint === undefined ? {} : { hint: known.hint };
    return { code: known.code, message: known.message, ...hint };
  }
  return {
    code: "INTERNAL",
    message: "an unexpected failure inside the daemon",
    hint: "see `holdfast logs`; please report it",
  };
}

const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  CONTENT_UNKNOWN: 404,
  DAEMON_BUSY: 503,
  DAEMON_STOPPING: 503,
  FOUNDER_ONLY: 403,
  INTERNAL: 500,
  PATH_MISSING: 404,
  PEER_NOT_LISTED: 404,
  REQUEST_INVALID: 400,
  ROUTE_UNKNOWN: 404,
  TEST_CLOCK_OFF: 403,
};

/** The HTTP status for a code; 422 for a request that was understood and failed. */
export function statusOf(code: string): number {
  return STATUS_OF_CODE[code] ?? 422;
}
