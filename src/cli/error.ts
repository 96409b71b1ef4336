import { HoldfastError } from "../base/error.ts";

export type CliCode =
  | "DAEMON_NOT_RUNNING"
  | "DAEMON_NOT_STARTED"
  | "DAEMON_GONE"
  | "DEMO_DIFFERS"
  | "DEMO_RUNNING"
  | "DEMO_UNKNOWN"
  | "INTERRUPTED"
  | "SYSTEMD_FAILED"
  | "SYSTEMD_MISSING"
  | "USAGE";

/** A command that fails before or beside the daemon. */
export class CliError extends HoldfastError<CliCode> {}

/** A failure that the daemon told: any code of any layer. */
export class DaemonAnswerError extends HoldfastError {}
