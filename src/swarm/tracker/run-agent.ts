import { codeOf } from "../../base/error.ts";
import type { PeerId } from "../../base/id.ts";
import { TRACKERS_MAX } from "../../base/limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Net } from "../../ports/net.ts";
import type { Random } from "../../ports/random.ts";
import type { AgentSelf } from "./agent.ts";
import { AgentSession } from "./agent-session.ts";
import { AGENT_PATH } from "./dialogue.ts";
import { endingOf } from "./lines.ts";
import { Shelf } from "./shelf.ts";

/** How often we look which trackers there are. */
const TRACKERS_POLL_MS = 2_000;
/** Time before a new attempt: doubled with each failure, with half of it more or less by chance, so
 * that a tracker which comes back is not met by all agents at once. */
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 15_000;
/** A stream that lasted so long was no failure. */
const SUCCESS_MS = 30_000;

export interface AgentOptions {
  net: Pick<Net, "open">;
  self: PeerId;
  /** The trackers that are known now, the preferred first; TRACKERS_MAX of them are kept. */
  trackers: () => readonly PeerId[];
  agent: AgentSelf;
  clock: Clock;
  random: Random;
  log: Log;
}

/** An agent at work. */
export interface RunningAgent {
  /** Trackers to which a stream is open now. */
  connected(): readonly PeerId[];
  /** Ends all streams; resolves when nothing of it runs any more. */
  close(): Promise<void>;
}

/** Keeps a stream to each known tracker, and answers there for this peer's holder. */
export function runAgent(options: AgentOptions): RunningAgent {
  const agent = new StreamAgent(options);
  return { connected: () => agent.connected(), close: () => agent.close() };
}

class StreamAgent {
  readonly #options: AgentOptions;
  readonly #shelf: Shelf;
  readonly #closing = new AbortController();
  readonly #lines = new Map<PeerId, { stop: AbortController; done: Promise<void> }>();
  readonly #connected = new Set<PeerId>();
  readonly #done: Promise<unknown>;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#shelf = new Shelf(options.agent.inventory, options.clock);
    this.#done = Promise.all([this.#keepShelf(), this.#follow()]);
  }

  connected(): PeerId[] {
    return [...this.#connected];
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#done;
    await Promise.all([...this.#lines.values()].map(({ done }) => done));
  }

  /** A holder that cannot be read now may be so later. */
  async #keepShelf(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#shelf.run(signal);
      } catch (error) {
        if (signal.aborted) return;
        log.write("warn", "agent.inventory", { message: endingOf(error) });
        await clock.sleep(RETRY_MAX_MS, signal).catch(() => undefined);
      }
    }
  }

  /** Begins with trackers that became known, and leaves those that are no longer. */
  async #follow(): Promise<void> {
    const { clock, trackers, self } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const known = trackers().filter((peer) => peer !== self);
      const wanted = new Set(known.slice(0, TRACKERS_MAX));
      for (const peer of wanted) if (!this.#lines.has(peer)) this.#begin(peer);
      for (const [peer, { stop }] of this.#lines) if (!wanted.has(peer)) stop.abort();
      await clock.sleep(TRACKERS_POLL_MS, signal).catch(() => undefined);
    }
  }

  #begin(tracker: PeerId): void {
    const stop = new AbortController();
    const either = AbortSignal.any([stop.signal, this.#closing.signal]);
    const done = this.#keep(tracker, either).finally(() => void this.#lines.delete(tracker));
    this.#lines.set(tracker, { stop, done });
  }

  async #keep(tracker: PeerId, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    for (let failures = 0; !signal.aborted; failures++) {
      const startedMs = clock.monotonicMs();
      try {
        await this.#speak(tracker, signal);
      } catch (error) {
        const fields = { peer: tracker, code: codeOf(error) ?? "", message: endingOf(error) };
        if (!signal.aborted) log.write("debug", "tracker.lost", fields);
      }
      this.#connected.delete(tracker);
      if (clock.monotonicMs() - startedMs >= SUCCESS_MS) failures = 0;
      await clock.sleep(this.#retryMs(failures), signal).catch(() => undefined);
    }
  }

  async #speak(tracker: PeerId, signal: AbortSignal): Promise<void> {
    const { net, agent, clock } = this.#options;
    const stream = await net.open(tracker, AGENT_PATH, signal);
    this.#connected.add(tracker);
    await new AgentSession({ stream, agent, shelf: this.#shelf, clock }).run(signal);
  }

  #retryMs(failures: number): number {
    const meanMs = Math.min(RETRY_MIN_MS * 2 ** Math.min(failures, 10), RETRY_MAX_MS);
    const [byte = 0] = this.#options.random.bytes(1);
    return meanMs * (0.5 + byte / 256);
  }
}
