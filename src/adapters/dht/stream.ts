import { Duplex } from "node:stream";
import type HyperDHT from "hyperdht";
import { encodeCredit, CREDIT_BYTES, FRAME_CREDIT, FRAME_DATA, FRAME_END } from "./frame.ts";
import {
  STREAM_CREDIT_BYTES,
  STREAM_LINGER_MS,
  STREAM_PIECE_BYTES,
  STREAM_SILENCE_MS,
  STREAM_WINDOW_BYTES,
} from "./limits.ts";

type Done = (error?: Error | null) => void;

/** A Node stream over a Noise stream of HyperDHT. UDX takes in whatever comes, so this counts: a
 * sender is never more than STREAM_WINDOW_BYTES ahead of the reader. Each side ends by itself.
 * Whatever goes wrong ends in `close`; no error of it goes uncaught. */
export class PunchedStream extends Duplex {
  /** What `node:http` asks of its sockets. */
  timeout = 0;
  readonly #inner: HyperDHT.SecretStream;
  /** What came and does not fit into Node's own buffer yet. */
  #arrived: Buffer[] = [];
  #wanted = true;
  /** Bytes that the other side may still send, and those it may send again once we say so. */
  #owedBytes = STREAM_WINDOW_BYTES;
  #freedBytes = 0;
  /** Bytes that we may still send. */
  #creditBytes = STREAM_WINDOW_BYTES;
  #endArrived = false;
  #endSent = false;
  #innerIsFull = false;
  /** Goes on with the write that waits for credit or for the inner stream. */
  #resumeWrite: (() => void) | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  /** @param silenceMs hearing nothing for so long ends the stream */
  constructor(inner: HyperDHT.SecretStream, silenceMs = STREAM_SILENCE_MS) {
    super({
      allowHalfOpen: true,
      emitClose: true,
      readableHighWaterMark: 4 * STREAM_PIECE_BYTES,
      writableHighWaterMark: 4 * STREAM_PIECE_BYTES,
    });
    this.#inner = inner;
    inner.setTimeout(silenceMs);
    inner.on("data", (message: Buffer) => this.#onMessage(message));
    inner.on("drain", () => this.#onInnerDrain());
    inner.on("error", (error: Error) => this.destroy(error));
    inner.on("end", () => this.#onInnerEnd());
    inner.on("close", () => this.#onInnerEnd());
    // A session without a request must not throw; `close` follows every error.
    this.on("error", () => undefined);
    if (inner.destroying) this.destroy();
  }

  override _read(): void {
    this.#wanted = true;
    while (this.#wanted) {
      const piece = this.#arrived.shift();
      if (piece === undefined) break;
      this.#handOver(piece);
    }
    if (this.#endArrived && this.#arrived.length === 0) this.push(null);
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    this.#send(chunk, 0, done);
  }

  override _final(done: Done): void {
    this.#endSent = true;
    this.#inner.write(Buffer.of(FRAME_END));
    // Whoever destroys a stream after it has finished must not cut what is on its way.
    void this.#inner.flush().finally(() => done());
  }

  override _destroy(error: Error | null, done: Done): void {
    clearTimeout(this.#idleTimer);
    this.#arrived = [];
    const inner = this.#inner;
    if (error === null && this.#endSent && this.#endArrived && !inner.destroying) {
      inner.end();
      setTimeout(() => inner.destroy(), STREAM_LINGER_MS).unref();
    } else {
      inner.destroy();
    }
    this.#wakeWriter();
    done(error);
  }

  /** Emits `timeout` when nothing has moved for so long; 0 ends that. */
  setTimeout(timeoutMs: number, listener?: () => void): this {
    clearTimeout(this.#idleTimer);
    this.timeout = timeoutMs;
    this.#idleTimer =
      timeoutMs > 0 ? setTimeout(() => this.emit("timeout"), timeoutMs).unref() : undefined;
    if (listener !== undefined) {
      if (timeoutMs > 0) this.once("timeout", listener);
      else this.off("timeout", listener);
    }
    return this;
  }

  /** UDX sends at once. */
  setNoDelay(): this {
    return this;
  }

  /** Every stream keeps its hole open. */
  setKeepAlive(): this {
    return this;
  }

  /** The node's sockets keep the process alive, not its streams. */
  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  #onMessage(message: Buffer): void {
    if (this.destroyed) return;
    this.#idleTimer?.refresh();
    switch (message[0]) {
      case FRAME_DATA: {
        const piece = message.subarray(1);
        this.#owedBytes -= piece.length;
        if (piece.length === 0 || this.#owedBytes < 0 || this.#endArrived) return this.#refuse();
        if (this.#wanted) this.#handOver(piece);
        else this.#arrived.push(piece);
        return;
      }
      case FRAME_CREDIT:
        if (message.length !== CREDIT_BYTES) return this.#refuse();
        this.#creditBytes += message.readUInt32LE(1);
        if (this.#creditBytes > STREAM_WINDOW_BYTES) return this.#refuse();
        this.#wakeWriter();
        return;
      case FRAME_END:
        if (message.length !== 1 || this.#endArrived) return this.#refuse();
        this.#endArrived = true;
        if (this.#arrived.length === 0) this.push(null);
        return;
      default:
        this.#refuse();
    }
  }

  #refuse(): void {
    this.destroy(new Error("the other side broke the framing of the stream"));
  }

  #handOver(piece: Buffer): void {
    this.#freedBytes += piece.length;
    this.#wanted = this.push(piece);
    if (this.#freedBytes < STREAM_CREDIT_BYTES) return;
    this.#owedBytes += this.#freedBytes;
    this.#inner.write(encodeCredit(this.#freedBytes));
    this.#freedBytes = 0;
  }

  /** Sends `chunk` from `at` on, piece by piece, as far as credit and the inner stream let it. */
  #send(chunk: Buffer, at: number, done: Done): void {
    let sent = at;
    while (sent < chunk.length && this.#creditBytes > 0 && !this.#innerIsFull) {
      if (this.destroyed) return done(new Error("the stream is closed"));
      const length = Math.min(chunk.length - sent, STREAM_PIECE_BYTES, this.#creditBytes);
      const message = this.#inner.alloc(1 + length);
      message[0] = FRAME_DATA;
      message.set(chunk.subarray(sent, sent + length), 1);
      sent += length;
      this.#creditBytes -= length;
      this.#innerIsFull = !this.#inner.write(message);
    }
    this.#idleTimer?.refresh();
    if (this.destroyed || (sent === chunk.length && !this.#innerIsFull)) return done();
    this.#resumeWrite = () => this.#send(chunk, sent, done);
  }

  #wakeWriter(): void {
    const resume = this.#resumeWrite;
    this.#resumeWrite = undefined;
    resume?.();
  }

  #onInnerDrain(): void {
    this.#innerIsFull = false;
    this.#wakeWriter();
  }

  /** The other side has gone; without its END what it sent is not whole. */
  #onInnerEnd(): void {
    if (!this.#endArrived || !this.#endSent) this.destroy();
  }
}
