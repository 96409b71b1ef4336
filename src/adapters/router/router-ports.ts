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
  return new OpenedPorts(options);
}

class OpenedPorts implements RouterPorts {
  readonly tried: Promise<void>;
  readonly #options: RouterPortsOptions;
  readonly #ways: readonly RouterWay[];
  readonly #wanted: readonly WantedPort[];
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;
  #mapped: readonly MappedPort[] = [];
  #used: RouterWay | undefined;
  #failure: string | undefined;

  constructor(options: RouterPortsOptions) {
    this.#options = options;
    this.#ways = options.ways ?? [natPmp, createUpnp()];
    this.#wanted = [
      { protocol: "tcp" as const, port: options.tcpPort },
      ...options.udpPorts.map((port) => ({ protocol: "udp" as const, port })),
    ].slice(0, ROUTER_PORTS_MAX);
    this.tried = this.#attempt();
    this.#running = this.#run();
  }

  mapped(): readonly MappedPort[] {
    return this.#mapped;
  }

  outcome(): { method?: RouterWay["name"]; failure?: string } {
    if (this.#mapped.length > 0 && this.#used !== undefined) return { method: this.#used.name };
    return this.#failure === undefined ? {} : { failure: this.#failure };
  }

  async close(): Promise<void> {
    const { clock, log } = this.#options;
    this.#ending.abort();
    await this.#running;
    const [way, ports] = [this.#used, this.#mapped];
    if (ports.length === 0 || way === undefined) return;
    this.#mapped = [];
    try {
      const { signal } = new AbortController();
      await within(clock, CLOSE_MAX_MS, signal, (limit) => way.unmap(ports, limit));
    } catch (error) {
      // The router forgets them by itself when the lease is over.
      log.write("debug", "router.kept", { way: way.name, why: messageOf(error) });
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    await this.tried;
    while (!signal.aborted) {
      const waitMs = this.#mapped.length > 0 ? RENEW_MS : RETRY_MS;
      await this.#options.clock.sleep(waitMs, signal).catch(() => undefined);
      if (!signal.aborted) await this.#attempt();
    }
  }

  async #attempt(): Promise<void> {
    const { clock, log, onChange } = this.#options;
    const { signal } = this.#ending;
    const before = JSON.stringify(this.#mapped);
    // The way that worked goes first; another would open a second set of ports.
    const order = [...this.#ways].sort(
      (a, b) => Number(b === this.#used) - Number(a === this.#used),
    );
    const failures: string[] = [];
    let found: readonly MappedPort[] = [];
    for (const way of order) {
      try {
        found = await within(clock, ATTEMPT_MAX_MS, signal, (limit) =>
          way.map(this.#wanted, limit),
        );
        this.#used = way;
        break;
      } catch (error) {
        if (signal.aborted) return;
        failures.push(`${way.name}: ${messageOf(error)}`);
        log.write("debug", "router.refused", { way: way.name, why: messageOf(error) });
      }
    }
    this.#mapped = found;
    this.#failure = failures.join("; ");
    if (JSON.stringify(found) === before) return;
    const way = this.#used?.name ?? "";
    log.write("info", "router.ports", { way, portCount: found.length });
    onChange?.();
  }
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
