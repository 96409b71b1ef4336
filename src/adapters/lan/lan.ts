import { formatAddress } from "../../base/address.ts";
import { messageOf } from "../../base/error.ts";
import type { PeerId } from "../../base/id.ts";
import {
  LAN_AGE_MAX_MS,
  LAN_BURST_MAX,
  LAN_OPENINGS_PER_SECOND_MAX,
  LAN_RATE_MAX,
  LAN_SEEN_MAX,
} from "../../base/limits.ts";
import { NONCE_BYTES } from "../../crypto/seal.node.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { SwarmKeys } from "../../ports/swarm-keys.ts";
import { announcementKey, openAnnouncement, sealAnnouncement } from "./announcement.ts";
import { lanInterfaces } from "./interfaces.ts";
import { TokenBucket } from "./token-bucket.ts";
import { openWire, type LanInterface, type LanWire } from "./wire.ts";

/** Asked again so soon after something changed, since datagrams get lost. */
const ASK_AGAIN_MS = [1_000, 3_000] as const;
/** Between two looks at this machine's networks, and looks between two announcements. */
const LOOK_MS = 30_000;
const ANNOUNCE_LOOKS = 20;
const ANSWER_INTERVAL_MIN_MS = 1_000;

/** What discovery in the local network needs. */
export interface LanOptions {
  swarmKeys: SwarmKeys;
  peerId: PeerId;
  /** TCP port for peers. */
  port: number;
  clock: Clock;
  random: Random;
  log: Log;
  /** Somebody who knows the swarm's key says that `peer` is at `address`. A hint, no proof. */
  onPeer: (found: { peer: PeerId; address: string }) => void;
  /** Networks to be in; default: all of this machine, looked at again and again. */
  interfaces?: () => LanInterface[];
  /** UDP port; default: that of multicast DNS. */
  multicastPort?: number;
}

/** Discovery in the local network. */
export interface Lan {
  /** Ends everything. */
  close(): Promise<void>;
}

/** Announces this peer in all local networks and hears of others. Whoever lacks the swarm's key
 * sees that some Holdfast runs and gets no answer. Where there is no multicast, nothing happens. */
export function openLan(options: LanOptions): Lan {
  const session = new LanSession(options);
  return { close: () => session.close() };
}

class LanSession implements Lan {
  readonly #options: LanOptions;
  readonly #ending = new AbortController();
  readonly #wires = new Map<string, LanWire>();
  readonly #openings: TokenBucket;
  readonly #reports: TokenBucket;
  /** Nonces of announcements that were opened, the oldest first. */
  readonly #seen = new Set<string>();
  readonly #running: Promise<void>;
  readonly #stopListening: () => void;
  #key: Uint8Array;
  #answeredMs = -Infinity;

  constructor(options: LanOptions) {
    const { clock, swarmKeys } = options;
    this.#options = options;
    this.#openings = new TokenBucket(
      clock,
      LAN_OPENINGS_PER_SECOND_MAX,
      LAN_OPENINGS_PER_SECOND_MAX,
    );
    this.#reports = new TokenBucket(clock, LAN_BURST_MAX, LAN_RATE_MAX);
    this.#key = announcementKey(swarmKeys.current().key);
    this.#stopListening = swarmKeys.onChange(() => {
      this.#key = announcementKey(swarmKeys.current().key);
      this.#send(true);
    });
    this.#running = this.#run(this.#ending.signal);
  }

  async close(): Promise<void> {
    this.#ending.abort();
    this.#stopListening();
    await this.#running;
    const wires = [...this.#wires.values()];
    this.#wires.clear();
    await Promise.all(wires.map((wire) => wire.close()));
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    try {
      for (let look = 0; ; look++) {
        if (this.#look()) {
          this.#send(true);
          for (const waitMs of ASK_AGAIN_MS) {
            await clock.sleep(waitMs, signal);
            this.#send(true);
          }
        } else if (look % ANNOUNCE_LOOKS === 0) this.#send(false);
        await clock.sleep(LOOK_MS, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Is in the networks that there are now.
   * @returns whether there is a new one */
  #look(): boolean {
    const { multicastPort = 5353, log } = this.#options;
    const places = this.#places();
    for (const [name] of this.#wires) if (!places.has(name)) this.#drop(name);
    let isNew = false;
    for (const [name, place] of places) {
      if (this.#wires.has(name)) continue;
      const take = (sealed: Uint8Array, from: string): void => this.#take(sealed, from);
      const lost = (): void => this.#drop(name);
      this.#wires.set(name, openWire(place, multicastPort, log, take, lost));
      isNew = true;
    }
    return isNew;
  }

  #places(): Map<string, LanInterface> {
    const { interfaces = lanInterfaces, log } = this.#options;
    try {
      return new Map(interfaces().map((place) => [`${place.name} ${place.address}`, place]));
    } catch (error) {
      // Some sandboxes do not even say which networks there are.
      log.write("debug", "lan.unusable", { why: messageOf(error) });
      return new Map();
    }
  }

  #drop(name: string): void {
    const wire = this.#wires.get(name);
    this.#wires.delete(name);
    void wire?.close();
  }

  #send(asks: boolean): void {
    const { random, peerId: peer, port, clock } = this.#options;
    for (const wire of this.#wires.values()) {
      const nonce = random.bytes(NONCE_BYTES);
      const announcement = { peer, port, timeMs: clock.nowMs(), asks };
      wire.send(sealAnnouncement(this.#key, nonce, announcement), asks);
    }
  }

  #take(sealed: Uint8Array, from: string): void {
    const { peerId, clock, onPeer } = this.#options;
    if (!this.#openings.take()) return;
    const opened = openAnnouncement(this.#key, sealed);
    if (opened === undefined || opened.peer === peerId) return;
    if (Math.abs(clock.nowMs() - opened.timeMs) > LAN_AGE_MAX_MS) return;
    // Interfaces of one network hear the same, and who records it may say it again.
    const nonce = Buffer.from(sealed.subarray(1, 1 + NONCE_BYTES)).toString("latin1");
    if (this.#seen.has(nonce) || !this.#reports.take()) return;
    this.#seen.add(nonce);
    for (const oldest of this.#seen) {
      if (this.#seen.size <= LAN_SEEN_MAX) break;
      this.#seen.delete(oldest);
    }
    onPeer({ peer: opened.peer, address: formatAddress({ host: from, port: opened.port }) });
    if (opened.asks) this.#answer();
  }

  #answer(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#answeredMs < ANSWER_INTERVAL_MIN_MS) return;
    this.#answeredMs = nowMs;
    this.#send(false);
  }
}
