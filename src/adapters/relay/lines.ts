import type { Duplex } from "node:stream";
import type { Clock } from "../../ports/clock.ts";
import {
  LINE_MAX_CHARS,
  LINE_PING_MS,
  LINE_SILENCE_MS,
  LINES_PER_PING_MAX,
  LINES_UNSENT_MAX_BYTES,
} from "./limits.ts";

/** Short lines of ASCII on a stream that is silent most of the time, kept alive by PING and PONG
 * from both sides. A side that is silent, floods, does not read or sends a line too long is
 * destroyed. */
export class LineStream {
  readonly #socket: Duplex;
  readonly #clock: Clock;
  readonly #onLine: (line: string) => void;
  readonly #over = new AbortController();
  /** Resolves when the stream is closed, however that came. */
  readonly closed: Promise<void>;
  #partial = "";
  #heardMs: number;
  #linesSincePing = 0;

  /** `onLine` gets every line but PING and PONG. */
  constructor(socket: Duplex, clock: Clock, onLine: (line: string) => void) {
    this.#socket = socket;
    this.#clock = clock;
    this.#onLine = onLine;
    this.#heardMs = clock.monotonicMs();
    this.closed = new Promise((resolve) => {
      const onClose = (): void => {
        this.#over.abort();
        resolve();
      };
      if (socket.closed) onClose();
      else socket.once("close", onClose);
    });
    socket.on("error", () => socket.destroy());
    // Nothing is half open here: who ends its side is gone.
    socket.once("end", () => socket.destroy());
    socket.on("data", (piece: Uint8Array) => this.#receive(piece));
    void this.#keepAlive();
  }

  /** Sends a line; destroys a stream whose other side does not read. */
  send(line: string): void {
    if (this.#socket.destroyed) return;
    if (this.#socket.writableLength > LINES_UNSENT_MAX_BYTES) this.#socket.destroy();
    else this.#socket.write(`${line}\n`);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #receive(piece: Uint8Array): void {
    this.#heardMs = this.#clock.monotonicMs();
    const lines = (this.#partial + Buffer.from(piece).toString("latin1")).split("\n");
    this.#partial = lines.pop() ?? "";
    this.#linesSincePing += lines.length;
    const isLong = [...lines, this.#partial].some((line) => line.length > LINE_MAX_CHARS);
    if (isLong || this.#linesSincePing > LINES_PER_PING_MAX) return this.destroy();
    for (const line of lines) {
      if (this.#socket.destroyed) return;
      if (line === "PING") this.send("PONG");
      else if (line !== "PONG") this.#onLine(line);
    }
  }

  async #keepAlive(): Promise<void> {
    const { signal } = this.#over;
    try {
      while (!signal.aborted) {
        await this.#clock.sleep(LINE_PING_MS, signal);
        if (this.#clock.monotonicMs() - this.#heardMs > LINE_SILENCE_MS) return this.destroy();
        this.#linesSincePing = 0;
        this.send("PING");
      }
    } catch {
      // The stream is closed, and with it the sleep.
    }
  }
}
