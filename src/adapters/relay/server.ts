import type { Duplex } from "node:stream";
import { base64UrlEncode } from "../../base/base64url.ts";
import { parseId, type PeerId } from "../../base/id.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { StreamAsker, Upgrader } from "../net/upgrade.ts";
import { RelayError } from "./error.ts";
import { RELAY_LIMITS, type RelayLimits } from "./limits.ts";
import { LineStream } from "./lines.ts";
import { Meetings } from "./meetings.ts";
import { RELAY_PATH } from "./paths.ts";
import { Seats, type Seat } from "./seats.ts";
import { splice } from "./splice.ts";
import { UsageBook, type RelayUsage } from "./usage.ts";

const TOKEN_BYTES = 16;

export interface RelayServerOptions {
  limits?: Partial<RelayLimits>;
  clock: Clock;
  random: Random;
  log: Log;
}

/** The side that is reachable for everybody: splices streams between members. It sees who talks to
 * whom, and TLS records. */
export interface RelayServer {
  /** Homes that wait here, and streams that are being made or are spliced. */
  readonly waitingCount: number;
  readonly streamCount: number;
  /** What was carried since the start; at most `usagePairsMax` pairs. */
  usage(): readonly RelayUsage[];
  /** Sends all homes away, and ends the streams that are there now after `idleMs`: whoever comes
   * again proves again what it knows of the swarm. */
  retire(): void;
  /** Ends all streams; refuses new ones. */
  close(): void;
}

/** Begins to relay for members of the swarm.
 * @see docs/protocol.md */
export function openRelayServer(upgrader: Upgrader, options: RelayServerOptions): RelayServer {
  const server = new Relay(options);
  upgrader.serve(RELAY_PATH, (from) => server.take(from));
  return server;
}

/** A stream that is being carried. */
interface Carried {
  readonly legs: readonly Duplex[];
  movedMs: number;
  /** When it ends, whether or not it moves. */
  endsMs: number;
}

class Relay implements RelayServer {
  readonly #limits: RelayLimits;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly #seats: Seats;
  readonly #usage: UsageBook;
  readonly #meetings: Meetings;
  readonly #waiting = new Map<PeerId, LineStream>();
  readonly #carried = new Set<Carried>();
  readonly #over = new AbortController();

  constructor({ limits, clock, random, log }: RelayServerOptions) {
    this.#limits = { ...RELAY_LIMITS, ...limits };
    this.#clock = clock;
    this.#random = random;
    this.#log = log;
    this.#seats = new Seats(this.#limits, clock);
    this.#usage = new UsageBook(this.#limits, clock);
    this.#meetings = new Meetings(clock, this.#limits.takeMs);
    void this.#endIdle();
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  get streamCount(): number {
    return this.#seats.streamCount;
  }

  usage(): readonly RelayUsage[] {
    return this.#usage.list();
  }

  retire(): void {
    const endsMs = this.#clock.monotonicMs() + this.#limits.idleMs;
    for (const line of this.#waiting.values()) line.destroy();
    for (const carried of this.#carried) carried.endsMs = Math.min(carried.endsMs, endsMs);
  }

  close(): void {
    this.#over.abort();
    this.#meetings.close();
    for (const line of this.#waiting.values()) line.destroy();
    for (const { legs } of this.#carried) for (const leg of legs) leg.destroy();
  }

  /** @throws RelayError */
  async take({ peer, standing, path }: StreamAsker): Promise<(socket: Duplex) => void> {
    if (this.#over.signal.aborted) {
      throw new RelayError("RELAY_CLOSED", "this relay is stopping");
    }
    if (standing !== "member") {
      throw new RelayError("RELAY_REFUSED", "only members of the swarm are relayed");
    }
    const [verb, argument, ...rest] = path.slice(RELAY_PATH.length).split("/");
    if (rest.length === 0) {
      if (verb === "wait" && argument === undefined) return this.#wait(peer);
      if (verb === "to" && argument !== undefined) return this.#lead(peer, argument);
      if (verb === "take" && argument !== undefined) return this.#meetings.take(argument, peer);
    }
    throw new RelayError("RELAY_REFUSED", "a relay knows wait, to/<peer id> and take/<token>");
  }

  #wait(peer: PeerId): (socket: Duplex) => void {
    const { waitingMax } = this.#limits;
    const hasRoom = (): boolean => this.#waiting.has(peer) || this.#waiting.size < waitingMax;
    if (!hasRoom()) {
      throw new RelayError("RELAY_FULL", `${waitingMax} homes wait at this relay already`, {
        hint: "another relay may have room",
      });
    }
    return (socket) => {
      // Others may have come since; there is no way left to say it.
      if (!hasRoom()) {
        socket.destroy();
        return;
      }
      // A home waits nothing of us to be told but PING: whatever else it says is a mistake.
      const line = new LineStream(socket, this.#clock, () => line.destroy());
      // Who comes again has lost the connection before, whether or not we saw that.
      this.#waiting.get(peer)?.destroy();
      this.#waiting.set(peer, line);
      void line.closed.then(() => {
        if (this.#waiting.get(peer) === line) this.#waiting.delete(peer);
      });
    };
  }

  async #lead(dialler: PeerId, target: PeerId): Promise<(socket: Duplex) => void> {
    if (parseId(target) === undefined || target === dialler) {
      throw new RelayError("RELAY_REFUSED", "this is not the id of another peer");
    }
    const line = this.#waiting.get(target);
    if (line === undefined) {
      throw new RelayError("RELAY_TARGET_AWAY", `peer ${target} does not wait at this relay`);
    }
    if (this.#usage.isSpent) {
      throw new RelayError("RELAY_FULL", "this relay has carried its bytes of today", {
        hint: "another relay may have room",
      });
    }
    const seat = this.#seats.take(dialler, target);
    try {
      const token = base64UrlEncode(this.#random.bytes(TOKEN_BYTES));
      const met = this.#meetings.arrange(token, target, () => seat.leave());
      line.send(`INCOMING ${token}`);
      const hand = await met;
      return (socket) => {
        const leg = hand(socket);
        if (leg !== undefined) void this.#carry(dialler, target, [socket, leg], seat);
      };
    } catch (error) {
      seat.leave();
      throw error;
    }
  }

  async #carry(
    dialler: PeerId,
    target: PeerId,
    legs: readonly [Duplex, Duplex],
    seat: Seat,
  ): Promise<void> {
    const carried: Carried = { legs, movedMs: this.#clock.monotonicMs(), endsMs: Infinity };
    this.#carried.add(carried);
    const count = this.#usage.begin(dialler, target);
    await splice(legs[0], legs[1], (lengthBytes, isForth, signal) => {
      carried.movedMs = this.#clock.monotonicMs();
      if (!count(lengthBytes, isForth)) {
        throw new RelayError("RELAY_FULL", "this relay has carried its bytes of today");
      }
      const waitMs = seat.spend(lengthBytes);
      return waitMs === 0 ? undefined : this.#clock.sleep(waitMs, signal);
    });
    this.#carried.delete(carried);
    seat.leave();
  }

  async #endIdle(): Promise<void> {
    const { signal } = this.#over;
    const { idleMs } = this.#limits;
    while (!signal.aborted) {
      await this.#clock.sleep(idleMs / 4, signal).catch(() => undefined);
      const nowMs = this.#clock.monotonicMs();
      for (const { legs, movedMs, endsMs } of this.#carried) {
        if (nowMs - movedMs <= idleMs && nowMs < endsMs) continue;
        this.#log.write("debug", "relay.ended", { idleMs: Math.round(nowMs - movedMs) });
        for (const leg of legs) leg.destroy();
      }
    }
  }
}
