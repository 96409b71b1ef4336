/** The exit status of each kind of failure. @see docs/operations.md */
export const STATUS = {
  failed: 1,
  usage: 2,
  notFound: 3,
  unsafe: 4,
  corrupt: 5,
  diskFull: 6,
  unreachable: 7,
  busy: 8,
  denied: 9,
  internal: 70,
  interrupted: 130,
} as const;

type Kind = keyof typeof STATUS;

/** The kind of every code that is not `failed`. A code that is missing here exits with 1. */
const KINDS: Readonly<Record<string, Kind>> = {
  USAGE: "usage",
  REQUEST_INVALID: "usage",
  ROUTE_UNKNOWN: "usage",
  TEST_CLOCK_OFF: "usage",
  CONFIG_INVALID: "usage",
  CONTENT_UNKNOWN: "notFound",
  DEMO_UNKNOWN: "notFound",
  CONFIG_UNREADABLE: "denied",
  DAEMON_GONE: "unreachable",
  DAEMON_NOT_RUNNING: "unreachable",
  DAEMON_NOT_STARTED: "unreachable",
  DAEMON_BUSY: "busy",
  DAEMON_STOPPING: "busy",
  DEMO_RUNNING: "busy",
  HOME_IN_USE: "busy",
  PORT_TAKEN: "busy",
  DEMO_DIFFERS: "corrupt",
  INTERNAL: "internal",
  INTERRUPTED: "interrupted",
  JOB_ABORTED: "interrupted",
};

/** The exit status for a code. */
export function exitStatusOf(code: string | undefined): number {
  if (code === undefined) return STATUS.internal;
  return STATUS[KINDS[code] ?? "failed"];
}
