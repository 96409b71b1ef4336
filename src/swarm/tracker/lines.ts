import { messageOf } from "../../base/error.ts";
import { utf8 } from "../../base/bytes.ts";
import { TRACKER_LINE_MAX_BYTES, TRACKER_LINES_QUEUED_MAX } from "../../base/limits.ts";
import type { PeerStream } from "../../ports/net.ts";
import { SwarmError } from "../error.ts";

/** Lines are printable ASCII, each ended by a line feed. */
const decoder = new TextDecoder("latin1");
const LINES = /^[\n\x20-\x7e]*$/;
/** Lines that go out together. */
const BATCH_CHARS = 64 * 1024;

/** The lines that a peer sends, in batches as they come.
 * @throws SwarmError DIALOGUE_BROKEN for what is no line, or a longer one than
 * TRACKER_LINE_MAX_BYTES; NetError when the session breaks */
export async function* readLines(stream: PeerStream): AsyncGenerator<readonly string[], undefined> {
  let rest = "";
  for await (const piece of stream.incoming) {
    const text = decoder.decode(piece);
    if (!LINES.test(text)) throw broken(stream, "bytes that no line has");
    const lines = `${rest}${text}`.split("\n");
    rest = lines.pop() ?? "";
    const isLong = (line: string): boolean => line.length > TRACKER_LINE_MAX_BYTES;
    if (isLong(rest) || lines.some(isLong)) {
      throw broken(stream, `a line of more than ${TRACKER_LINE_MAX_BYTES} bytes`);
    }
    if (lines.length > 0) yield lines;
  }
}

/** Sends lines in their order. Whoever reads so slowly that too many wait is dropped. */
export class LineWriter {
  readonly #stream: PeerStream;
  #queue: string[] = [];
  #pumping: Promise<void> | undefined;
  #isBroken = false;

  constructor(stream: PeerStream) {
    this.#stream = stream;
  }

  send(line: string): void {
    if (this.#isBroken) return;
    if (this.#queue.length >= TRACKER_LINES_QUEUED_MAX) {
      this.drop();
      return;
    }
    this.#queue.push(line);
    this.#pumping ??= this.#pump();
  }

  /** Resolves when everything is on its way, or nothing will be any more. */
  async drained(): Promise<void> {
    await this.#pumping;
  }

  drop(): void {
    this.#isBroken = true;
    this.#queue = [];
    this.#stream.destroy();
  }

  async #pump(): Promise<void> {
    // What is said in one turn goes out together.
    await Promise.resolve();
    try {
      while (this.#queue.length > 0) await this.#stream.write(utf8(this.#take()));
    } catch {
      // Whoever reads the stream learns it from there.
      this.drop();
    }
    this.#pumping = undefined;
  }

  #take(): string {
    let text = "";
    let count = 0;
    for (; count < this.#queue.length && text.length < BATCH_CHARS; count++) {
      text += `${this.#queue[count]}\n`;
    }
    this.#queue.splice(0, count);
    return text;
  }
}

/** The other side said what its dialogue does not have. */
export function broken(stream: PeerStream, why: string): SwarmError {
  return new SwarmError("DIALOGUE_BROKEN", `peer ${stream.peer}: sent ${why}`);
}

/** What a log says about the end of a dialogue. */
export function endingOf(error: unknown): string {
  return messageOf(error).slice(0, 200);
}
