import { messageOf } from "../../base/error.ts";
import { ROUTER_LEASE_S, ROUTER_PORTS_MAX } from "../../base/limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { natPmp } from "./nat-pmp.ts";
import { createUpnp } from "./upnp.ts";
import type { MappedPort, RouterWay, WantedPort } from "./ways.ts";

/** A router that does not answer within so long has nothing to say. */
const ATTEMPT_MAX_MS = 8_000;
const CLOSE_MAX_MS = 2_000;
/** Renewed when half of the lease is over; a router that refused is asked again. */
const RENEW_MS = (ROUTER_LEASE_S * 1_000) / 2;
const RETRY_MS = 10 * 60_000;

/** Ports that a router opened for this peer. */
export interface RouterPorts {
  /** What is open now. */
  mapped(): readonly MappedPort[];
  /** How they were opened, or why none are, as the last attempt went; neither before it. */
  outcome(): { method?: RouterWay["name"]; failure?: string };
  /** Resolves after the first attempt, whatever it came to. */
  readonly tried: Promise<void>;
  /** Removes what was opened, within two seconds. */
  close(): Promise<void>;
}

/** What opening ports needs. */
export interface RouterPortsOptions {
  tcpPort: number;
  udpPorts: readonly number[];
  clock: Clock;
  log: Log;
  /** Called when `mapped` is another. */
  onChange?: () => void;
  /** What is tried, in this order; default: NAT-PMP, then UPnP. */
  ways?: readonly RouterWay[];
}

/** Asks the router to open ports, in the background, and keeps them open until `close`. Most
 * networks have no router that does: that is for the debug log and nothing else. */
export function openRouterPorts(options: RouterPortsOptions): RouterPorts {
  const { tcpPort, udpPorts, clock, log, onChange } = options;
  const ways = options.ways ?? [natPmp, createUpnp()];
  const wanted: WantedPort[] = [
    { protocol: "tcp" as const, port: tcpPort },
    ...udpPorts.map((port) => ({ protocol: "udp" as const, port })),
  ].slice(0, ROUTER_PORTS_MAX);
  const ending = new AbortController();
  let mapped: readonly MappedPort[] = [];
  let used: RouterWay | undefined;
  let failure: string | undefined;

  const attempt = async (): Promise<void> => {
    const before = JSON.stringify(mapped);
    // The way that worked goes first; another would open a second set of ports.
    const order = [...ways].sort((a, b) => Number(b === used) - Number(a === used));
    let found: readonly MappedPort[] = [];
    const failures: string[] = [];
    for (const way of order) {
      try {
        found = await within(clock, ATTEMPT_MAX_MS, ending.signal, (signal) =>
          way.map(wanted, signal),
        );
        used = way;
        break;
      } catch (error) {
        if (ending.signal.aborted) return;
        failures.push(`${way.name}: ${messageOf(error)}`);
        log.write("debug", "router.refused", { way: way.name, why: messageOf(error) });
      }
    }
    mapped = found;
    failure = failures.join("; ");
    if (JSON.stringify(mapped) === before) return;
    log.write("info", "router.ports", { way: used?.name ?? "", portCount: mapped.length });
    onChange?.();
  };
  const first = attempt();
  const running = first.then(async () => {
    while (!ending.signal.aborted) {
      const waitMs = mapped.length > 0 ? RENEW_MS : RETRY_MS;
      await clock.sleep(waitMs, ending.signal).catch(() => undefined);
      if (!ending.signal.aborted) await attempt();
    }
  });
  return {
    mapped: () => mapped,
    outcome() {
      if (mapped.length > 0 && used !== undefined) return { method: used.name };
      return failure === undefined ? {} : { failure };
    },
    tried: first,
    async close() {
      ending.abort();
      await running;
      if (mapped.length === 0 || used === undefined) return;
      const [way, ports] = [used, mapped];
      mapped = [];
      try {
        const { signal } = new AbortController();
        await within(clock, CLOSE_MAX_MS, signal, (limit) => way.unmap(ports, limit));
      } catch (error) {
        // The router forgets them by itself when the lease is over.
        log.write("debug", "router.kept", { way: way.name, why: messageOf(error) });
      }
    },
  };
}

/** Runs `work` for at most `maxMs`; when that is over, it is left alone with an aborted signal. */
async function within<T>(
  clock: Clock,
  maxMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const both = AbortSignal.any([signal, limit.signal]);
  const late = clock.sleep(maxMs, both).then(() => {
    throw new Error(`no answer within ${maxMs} ms`);
  });
  late.catch(() => undefined);
  const working = work(both);
  working.catch(() => undefined);
  try {
    return await Promise.race([working, late]);
  } finally {
    limit.abort();
  }
}
