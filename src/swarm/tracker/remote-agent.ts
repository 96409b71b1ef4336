import { base64UrlEncode } from "../../base/base64url.ts";
import type { HostPort } from "../../base/address.ts";
import type { PeerId, ShardId } from "../../base/id.ts";
import {
  AGENT_OWES_MAX_MS,
  AGENT_QUESTIONS_MAX,
  TRACKER_GREETING_MS,
  TRACKER_PING_MS,
  TRACKER_SILENCE_MS,
} from "../../base/limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { PeerStream } from "../../ports/net.ts";
import { openCard } from "../card-book.ts";
import {
  signedBytes,
  type Agent,
  type Introduction,
  type IntroductionWish,
  type Question,
} from "./agent.ts";
import {
  codeWord,
  DIALOGUE_VERSION,
  formatAgentAddress,
  parseCount,
  parseHash,
} from "./dialogue.ts";
import { FilterInlet } from "./filter-inlet.ts";
import type { FilterRoom } from "./filter-room.ts";
import { broken, LineWriter, readLines } from "./lines.ts";

export interface RemoteAgentOptions {
  stream: PeerStream;
  seen: HostPort | undefined;
  clock: Clock;
  /** For the filters of all agents of the tracker. */
  room: FilterRoom<RemoteAgent>;
}

type Words = readonly string[];

/** The tracker's end of one agent's stream. */
export class RemoteAgent implements Agent {
  readonly peer: PeerId;
  readonly seen: HostPort | undefined;
  card: Agent["card"];
  freeBytes = 0;
  readonly #stream: PeerStream;
  readonly #clock: Clock;
  readonly #writer: LineWriter;
  readonly #filters: FilterInlet;
  /** Number → what takes the answer. */
  readonly #questions = new Map<number, (words: Words | undefined) => void>();
  readonly #sinceMs: number;
  #nextNumber = 1;
  #heardMs: number;
  #pingedMs: number;
  /** When the first of the questions was asked since which no answer came. */
  #owesSinceMs: number | undefined;
  #isOver = false;

  constructor({ stream, seen, clock, room }: RemoteAgentOptions) {
    this.peer = stream.peer;
    this.seen = seen;
    this.#stream = stream;
    this.#clock = clock;
    this.#writer = new LineWriter(stream);
    this.#filters = new FilterInlet((sizeBytes) => room.take(sizeBytes, this), clock);
    this.#sinceMs = this.#heardMs = this.#pingedMs = clock.monotonicMs();
  }

  /** Greets the agent and listens to it until the stream is over.
   * @throws SwarmError DIALOGUE_BROKEN | CodecError for its card | NetError */
  async run(): Promise<void> {
    this.#writer.send(`HELLO ${DIALOGUE_VERSION}`);
    try {
      for await (const lines of readLines(this.#stream)) {
        this.#heardMs = this.#clock.monotonicMs();
        for (const line of lines) this.#take(line.split(" "));
      }
    } finally {
      this.drop();
    }
  }

  /** Ends the stream; every open question gets no answer. */
  drop(): void {
    this.#isOver = true;
    this.#writer.drop();
    this.#filters.close();
    for (const settle of this.#questions.values()) settle(undefined);
    this.#questions.clear();
  }

  /** Asks for a sign of life where one is due, and drops an agent that gives none. */
  sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    const owesMs = nowMs - (this.#owesSinceMs ?? nowMs);
    const isMute = this.card === undefined && nowMs - this.#sinceMs > TRACKER_GREETING_MS;
    if (isMute || nowMs - this.#heardMs > TRACKER_SILENCE_MS || owesMs > AGENT_OWES_MAX_MS) {
      this.drop();
    } else if (nowMs - Math.max(this.#heardMs, this.#pingedMs) >= TRACKER_PING_MS) {
      this.#pingedMs = nowMs;
      this.#writer.send("PING");
    }
  }

  whoHas(id: ShardId): Question<boolean> {
    return this.#ask(`WHO_HAS ${id}`, (words) => {
      if (words.length !== 1 || (words[0] !== "0" && words[0] !== "1")) {
        throw broken(this.#stream, "an answer to WHO_HAS that is neither 0 nor 1");
      }
      return words[0] === "1";
    });
  }

  introduce(wish: IntroductionWish): Question<Introduction> {
    const { shard, lengthBytes, certificate } = wish;
    const address = formatAgentAddress(wish);
    const text = `INTRODUCTION_REQUEST ${address} ${lengthBytes} ${shard} ${certificate}`;
    return this.#ask(text, (words) => {
      if (words[0] === "NONE" && words.length <= 2) return { code: codeWord(words[1]) };
      const ticket = words.length === 1 ? signedBytes(words[0]) : undefined;
      if (ticket === undefined) throw broken(this.#stream, "an introduction key that is none");
      return { ticket };
    });
  }

  #ask<Answer>(text: string, read: (words: Words) => Answer): Question<Answer> {
    if (this.#isOver || this.#questions.size >= AGENT_QUESTIONS_MAX) {
      return { answer: Promise.resolve(undefined), giveUp: () => undefined };
    }
    const number = this.#nextNumber++;
    const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
    // What cannot be read throws into `run`, which ends the stream.
    this.#questions.set(number, (words) => {
      try {
        resolve(words === undefined ? undefined : read(words));
      } finally {
        resolve(undefined);
      }
    });
    this.#owesSinceMs ??= this.#clock.monotonicMs();
    this.#writer.send(`${number} ${text}`);
    const giveUp = (): void => {
      this.#questions.delete(number);
      resolve(undefined);
    };
    return { answer: promise, giveUp };
  }

  #take(words: Words): void {
    const [verb = "", first] = words;
    if (/^[0-9]/.test(verb)) return this.#takeAnswer(parseCount(verb), words.slice(1));
    const isTaken = words.length <= 3 && this.#takeStatement(verb, first, words[2]);
    if (!isTaken) throw broken(this.#stream, "a line that no agent says");
  }

  #takeStatement(verb: string, first: string | undefined, second: string | undefined): boolean {
    switch (verb) {
      case "PING":
        this.#writer.send("PONG");
        return first === undefined;
      case "PONG":
        return first === undefined;
      case "CARD":
        return this.#takeCard(signedBytes(first));
      case "OFFER":
        this.freeBytes = parseCount(first);
        return second === undefined && !Number.isNaN(this.freeBytes);
      case "FILTER":
        return this.#filters.begin(parseCount(first), parseCount(second));
      case "PART":
        return this.#filters.part(signedBytes(first));
      case "ADD":
        return this.#filters.add(parseHash(first));
      default:
        return false;
    }
  }

  #takeCard(bytes: Uint8Array | undefined): boolean {
    if (bytes === undefined) return false;
    const body = openCard(bytes);
    if (body.id !== this.peer) throw broken(this.#stream, "another peer's card");
    this.card = { body, bytes };
    return true;
  }

  #takeAnswer(number: number, words: Words): void {
    if (!(number < this.#nextNumber)) throw broken(this.#stream, "an answer without a question");
    const settle = this.#questions.get(number);
    this.#questions.delete(number);
    this.#owesSinceMs = this.#questions.size > 0 ? this.#heardMs : undefined;
    settle?.(words);
  }
}

/** The line with which an agent shows its card. */
export function cardLine(card: Uint8Array): string {
  return `CARD ${base64UrlEncode(card)}`;
}
