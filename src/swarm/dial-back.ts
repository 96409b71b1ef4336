import { formatAddress, parseAddress } from "../base/address.ts";
import { fromUtf8, utf8 } from "../base/bytes.ts";
import type { PeerId } from "../base/id.ts";
import {
  DIAL_BACK_INTERVAL_MIN_MS,
  DIAL_BACK_MAX_MS,
  DIAL_BACK_PORTS_MAX,
  DIAL_BACKS_MAX,
  KIB,
} from "../base/limits.ts";
import type { Clock } from "../ports/clock.ts";
import type { Net } from "../ports/net.ts";
import { SwarmError } from "./error.ts";
import { RateGate } from "./rate-gate.ts";

/** What a peer found that dialled back. */
export interface DialBackReport {
  /** Whether a direct session to each port could be opened, with the asker's key at its end. */
  tcp: Readonly<Record<string, "open" | "closed">>;
  /** `host:port` where the asker was seen; the port is that of its outgoing connection. */
  seen: string;
}

/** Dials askers back, at the host that they were seen at and nowhere else, so that nobody can be
 * made to attack another. */
export interface DialBack {
  /** @throws SwarmError ASKED_TOO_OFTEN | DIAL_BACK_REFUSED */
  dial(
    asker: { peer: PeerId; address: string | undefined },
    ports: readonly number[],
    signal: AbortSignal,
  ): Promise<DialBackReport>;
}

/** Opens a direct session to `peer` at `address` and nowhere else, proves its key, and closes it.
 * @throws where that does not succeed */
export type DialDirect = (peer: PeerId, address: string, signal: AbortSignal) => Promise<unknown>;

/** Makes a bounded dial back. */
export function createDialBack(options: { clock: Clock; dialDirect: DialDirect }): DialBack {
  const { clock, dialDirect } = options;
  const gate = new RateGate(clock, DIAL_BACK_INTERVAL_MIN_MS, "dial back");
  let runningCount = 0;
  const tryPort = async (
    peer: PeerId,
    address: string,
    signal: AbortSignal,
  ): Promise<"open" | "closed"> => {
    const limit = new AbortController();
    const both = AbortSignal.any([signal, limit.signal]);
    const timeout = clock.sleep(DIAL_BACK_MAX_MS, both).then(
      () => "closed" as const,
      () => "closed" as const,
    );
    const dialled = dialDirect(peer, address, both).then(
      () => "open" as const,
      () => "closed" as const,
    );
    try {
      return await Promise.race([dialled, timeout]);
    } finally {
      limit.abort();
    }
  };
  return {
    async dial({ peer, address }, ports, signal) {
      gate.pass(peer);
      const seen = address === undefined ? undefined : parseAddress(address);
      if (seen === undefined || address === undefined) {
        throw new SwarmError("DIAL_BACK_REFUSED", "your address is not seen here: it is relayed");
      }
      if (runningCount >= DIAL_BACKS_MAX) {
        throw new SwarmError("DIAL_BACK_REFUSED", `${runningCount} dial backs are running`);
      }
      runningCount++;
      try {
        const wanted = [...new Set(ports)].slice(0, DIAL_BACK_PORTS_MAX);
        const found = await Promise.all(
          wanted.map(async (port) => {
            const place = formatAddress({ host: seen.host, port });
            return [String(port), await tryPort(peer, place, signal)] as const;
          }),
        );
        return { tcp: Object.fromEntries(found), seen: address };
      } finally {
        runningCount--;
      }
    },
  };
}

/** Asks `peer` to dial this peer back at `ports` (1 to DIAL_BACK_PORTS_MAX).
 * @returns what it says, in the right form; whether it is true is another question
 * @throws NetError; SwarmError PEER_REFUSED | ANSWER_MALFORMED */
export async function askDialBack(
  net: Pick<Net, "request">,
  peer: PeerId,
  ports: readonly number[],
  signal: AbortSignal,
): Promise<DialBackReport> {
  const body = utf8(JSON.stringify({ ports }));
  const request = { method: "POST", path: "/v1/dial-back", body, bodyMaxBytes: KIB } as const;
  const answer = await net.request(peer, request, signal);
  if (answer.status !== 200) {
    throw new SwarmError("PEER_REFUSED", `peer ${peer}: answers ${answer.status} to a dial back`);
  }
  const { tcp, seen } = readObject(answer.body) ?? {};
  const place = typeof seen === "string" ? parseAddress(seen) : undefined;
  if (place === undefined || !isObject(tcp)) {
    throw new SwarmError("ANSWER_MALFORMED", `peer ${peer}: a dial back of another form`);
  }
  const found = ports.map((port) => {
    const state = Object.hasOwn(tcp, String(port)) ? tcp[String(port)] : undefined;
    return [String(port), state === "open" ? "open" : "closed"] as const;
  });
  return { tcp: Object.fromEntries(found), seen: formatAddress(place) };
}

/** Reads `{"ports": [1 to DIAL_BACK_PORTS_MAX ports]}`.
 * @throws SwarmError REQUEST_MALFORMED */
export function readPorts(body: Uint8Array): number[] {
  const { ports, ...rest } = readObject(body) ?? {};
  const isList = Array.isArray(ports) && ports.length >= 1 && ports.length <= DIAL_BACK_PORTS_MAX;
  if (!isList || Object.keys(rest).length > 0) {
    const text = `a dial back names 1 to ${DIAL_BACK_PORTS_MAX} ports and nothing else`;
    throw new SwarmError("REQUEST_MALFORMED", text);
  }
  return ports.map((port: unknown) => {
    if (typeof port === "number" && Number.isInteger(port) && port > 0 && port < 65_536)
      return port;
    throw new SwarmError("REQUEST_MALFORMED", "a port is 1 to 65535");
  });
}

function readObject(body: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(fromUtf8(body) ?? "");
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
