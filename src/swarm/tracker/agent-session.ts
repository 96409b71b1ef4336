import { base64UrlEncode } from "../../base/base64url.ts";
import { equalBytes } from "../../base/bytes.ts";
import type { ShardId } from "../../base/id.ts";
import {
  AGENT_QUESTIONS_MAX,
  FILTER_DISTANCE_MIN_MS,
  TRACKER_LINES_QUEUED_MAX,
  TRACKER_PING_MS,
  TRACKER_SILENCE_MS,
} from "../../base/limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { PeerStream } from "../../ports/net.ts";
import type { AgentSelf } from "./agent.ts";
import {
  DIALOGUE_VERSION,
  parseAgentAddress,
  parseCount,
  parseHash,
  parseShardSize,
  PART_BYTES,
} from "./dialogue.ts";
import { broken, LineWriter, readLines } from "./lines.ts";
import type { Shelf, ShelfListener } from "./shelf.ts";

/** How often the session looks whether something is to be said. */
const TICK_MS = 5_000;

export interface AgentSessionOptions {
  stream: PeerStream;
  agent: AgentSelf;
  shelf: Shelf;
  clock: Clock;
}

/** An agent's end of one stream to a tracker. */
export class AgentSession implements ShelfListener {
  readonly #stream: PeerStream;
  readonly #writer: LineWriter;
  readonly #agent: AgentSelf;
  readonly #shelf: Shelf;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  /** What the tracker knows of us. */
  #card: Uint8Array | undefined;
  #freeBytes = Number.NaN;
  /** What it does not know yet: new shards, or that everything is different. */
  #isWholeDue = true;
  #added: ShardId[] = [];
  #isTelling = false;
  #toldWholeMs = -Infinity;
  #isGreeted = false;
  #heardMs: number;
  #pingedMs: number;
  #introducing = 0;

  constructor({ stream, agent, shelf, clock }: AgentSessionOptions) {
    this.#stream = stream;
    this.#writer = new LineWriter(stream);
    this.#agent = agent;
    this.#shelf = shelf;
    this.#clock = clock;
    this.#heardMs = this.#pingedMs = clock.monotonicMs();
  }

  /** Speaks and listens until the stream is over or `signal` is aborted.
   * @throws SwarmError DIALOGUE_BROKEN | NetError */
  async run(signal: AbortSignal): Promise<void> {
    const drop = (): void => this.#writer.drop();
    signal.addEventListener("abort", drop, { once: true });
    if (signal.aborted) drop();
    const forget = this.#shelf.listen(this);
    void this.#watch();
    try {
      for await (const lines of readLines(this.#stream)) {
        this.#heardMs = this.#clock.monotonicMs();
        for (const line of lines) this.#take(line.split(" "));
      }
    } finally {
      forget();
      signal.removeEventListener("abort", drop);
      this.#over.abort();
      drop();
    }
  }

  added(ids: readonly ShardId[]): void {
    if (this.#isWholeDue) return;
    if (this.#added.length + ids.length > TRACKER_LINES_QUEUED_MAX / 2) return this.replaced();
    this.#added.push(...ids);
    this.#tell();
  }

  replaced(): void {
    this.#isWholeDue = true;
    this.#added = [];
    this.#tell();
  }

  /** Says what is new, and looks for signs of life. */
  async #watch(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      const nowMs = this.#clock.monotonicMs();
      if (nowMs - this.#heardMs > TRACKER_SILENCE_MS) return this.#writer.drop();
      if (nowMs - Math.max(this.#heardMs, this.#pingedMs) >= TRACKER_PING_MS) {
        this.#pingedMs = nowMs;
        this.#writer.send("PING");
      }
      if (this.#isGreeted) this.#present();
      await this.#clock.sleep(TICK_MS, signal).catch(() => undefined);
    }
  }

  /** Card and offer, where the tracker has others. */
  #present(): void {
    const card = this.#agent.card();
    if (this.#card === undefined || !equalBytes(this.#card, card)) {
      this.#card = card;
      this.#writer.send(`CARD ${base64UrlEncode(card)}`);
    }
    const freeBytes = Math.max(0, Math.floor(this.#agent.freeBytes()));
    if (freeBytes === this.#freeBytes) return;
    this.#freeBytes = freeBytes;
    this.#writer.send(`OFFER ${freeBytes}`);
  }

  #tell(): void {
    if (!this.#isGreeted || this.#isTelling) return;
    this.#isTelling = true;
    // It fails only with the end of the session.
    this.#tellAll().catch(() => undefined);
  }

  async #tellAll(): Promise<void> {
    const { signal } = this.#over;
    try {
      while (!signal.aborted && (this.#isWholeDue || this.#added.length > 0)) {
        if (this.#isWholeDue) {
          if (this.#shelf.filter === undefined) return;
          const sinceMs = this.#clock.monotonicMs() - this.#toldWholeMs;
          const waitMs = 2 * FILTER_DISTANCE_MIN_MS - sinceMs;
          if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
          await this.#tellWhole();
        } else {
          for (const id of this.#added) this.#writer.send(`ADD ${id}`);
          this.#added = [];
          await this.#writer.drained();
        }
      }
    } finally {
      this.#isTelling = false;
    }
  }

  async #tellWhole(): Promise<void> {
    const { filter } = this.#shelf;
    if (filter === undefined) return;
    this.#toldWholeMs = this.#clock.monotonicMs();
    // Shards that come from here on are said after the filter, though their bits may be in it.
    this.#isWholeDue = false;
    this.#writer.send(`FILTER ${filter.bytes.length} ${filter.count}`);
    for (let at = 0; at < filter.bytes.length; at += PART_BYTES) {
      this.#writer.send(`PART ${base64UrlEncode(filter.bytes.subarray(at, at + PART_BYTES))}`);
      await this.#writer.drained();
    }
  }

  #take(words: readonly string[]): void {
    const [first = "", verb] = words;
    if (!this.#isGreeted) return this.#takeHello(words);
    if (first === "PING" && words.length === 1) return this.#writer.send("PONG");
    if (first === "PONG" && words.length === 1) return;
    const number = parseCount(first);
    if (verb === "WHO_HAS" && words.length === 3 && number > 0) {
      const id = parseHash(words[2]);
      if (id !== undefined) {
        return this.#writer.send(`${number} ${this.#agent.inventory.holds(id) ? 1 : 0}`);
      }
    }
    if (verb === "INTRODUCTION_REQUEST" && words.length === 6 && number > 0) {
      return this.#takeIntroduction(number, words.slice(2));
    }
    throw broken(this.#stream, "a line that no tracker says");
  }

  #takeHello([verb, version, ...rest]: readonly string[]): void {
    if (verb !== "HELLO" || parseCount(version) !== DIALOGUE_VERSION || rest.length > 0) {
      throw broken(this.#stream, "a greeting of another dialogue or version");
    }
    this.#isGreeted = true;
    this.#present();
    this.#tell();
  }

  #takeIntroduction(number: number, words: readonly string[]): void {
    const [address = "", size, hash, certificate = ""] = words;
    const to = parseAgentAddress(address);
    const lengthBytes = parseShardSize(size);
    const shard = parseHash(hash);
    if (to === undefined || lengthBytes === undefined || shard === undefined) {
      throw broken(this.#stream, "a request for a ticket that is none");
    }
    if (this.#introducing >= AGENT_QUESTIONS_MAX) {
      return this.#writer.send(`${number} NONE TRACKER_BUSY`);
    }
    this.#introducing++;
    const wish = { ...to, shard, lengthBytes, certificate };
    const answered = this.#agent.introduce(wish).then((answer) => {
      const words = "ticket" in answer ? base64UrlEncode(answer.ticket) : `NONE ${answer.code}`;
      this.#writer.send(`${number} ${words}`);
    });
    void answered
      .catch(() => this.#writer.send(`${number} NONE PEER_FAILED`))
      .finally(() => this.#introducing--);
  }
}
