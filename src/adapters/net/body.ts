import type { IncomingMessage, OutgoingMessage } from "node:http";
import { BLOCK_BYTES, KIB } from "../../base/limits.ts";
import { NetError } from "../net-error.ts";
import type { Transfer } from "./progress.ts";

/** Blocks that wait for the reader before the other side is paused. */
const WAITING_MAX = 2;
/** Block buffers kept for the next body. */
const SPARE_MAX = 64;
/** Bodies up to this size get an array of their own instead of a block buffer. */
const SMALL_BYTES = 64 * KIB;

/** Reusable block buffers: fresh memory costs a page fault for every 4 KiB. */
export class BlockBuffers {
  readonly #spare: Uint8Array[] = [];

  take(): Uint8Array {
    return this.#spare.pop() ?? new Uint8Array(BLOCK_BYTES);
  }

  /** Takes back a buffer or a block that lies at its start. */
  give(block: Uint8Array): void {
    if (block.buffer.byteLength !== BLOCK_BYTES || this.#spare.length >= SPARE_MAX) return;
    this.#spare.push(new Uint8Array(block.buffer));
  }
}

interface Pull {
  resolve: (result: IteratorResult<Uint8Array, undefined>) => void;
  reject: (error: Error) => void;
}

/** Hands a request's body out in blocks of exactly BLOCK_BYTES, the last one shorter. A block is
 * overwritten after the next is pulled. Nothing is read before the first pull; the other side is
 * paused while blocks wait. */
export class BlockReader implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #source: IncomingMessage;
  readonly #transfer: Transfer;
  readonly #buffers: BlockBuffers;
  readonly #waiting: Uint8Array[] = [];
  #leftBytes: number;
  #filling: Uint8Array | undefined;
  #filledBytes = 0;
  #handedOut: Uint8Array | undefined;
  #pull: Pull | undefined;
  #state: "new" | "open" | "ended" | "failed" = "new";
  #failure: Error | undefined;

  /** `lengthBytes` is what content-length says; the parser holds the other side to it. */
  constructor(
    source: IncomingMessage,
    lengthBytes: number,
    transfer: Transfer,
    buffers: BlockBuffers,
  ) {
    this.#source = source;
    this.#leftBytes = lengthBytes;
    this.#transfer = transfer;
    this.#buffers = buffers;
  }

  /** Whether every byte of the body has arrived. */
  get arrived(): boolean {
    return this.#leftBytes === 0;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#state === "new") this.#open();
    if (this.#handedOut !== undefined) this.#buffers.give(this.#handedOut);
    this.#handedOut = this.#waiting.shift();
    if (this.#handedOut !== undefined) {
      this.#resume();
      return Promise.resolve({ done: false, value: this.#handedOut });
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#state === "ended") return Promise.resolve({ done: true, value: undefined });
    const pulled = new Promise<IteratorResult<Uint8Array, undefined>>((resolve, reject) => {
      this.#pull = { resolve, reject };
    });
    // Whoever pulls may have gone away when it fails; that is no unhandled rejection.
    pulled.catch(() => undefined);
    return pulled;
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#end("ended");
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Stops reading and takes the buffers back; the last block must no longer be used. */
  release(): void {
    this.#end("ended");
    for (const block of this.#waiting.splice(0)) this.#buffers.give(block);
    if (this.#handedOut !== undefined) this.#buffers.give(this.#handedOut);
    this.#handedOut = undefined;
  }

  /** Ends the body with an error for whoever reads it. */
  fail(error: Error): void {
    if (this.#state === "ended" || this.#state === "failed") return;
    this.#failure = error;
    this.#end("failed");
  }

  #open(): void {
    this.#state = "open";
    if (this.#leftBytes === 0) return this.#end("ended");
    this.#transfer.enter("bytes");
    this.#source.on("data", this.#onData);
    this.#source.once("error", (cause: Error) => {
      this.fail(new NetError("PEER_UNREACHABLE", "the peer went away in its body", { cause }));
    });
  }

  #end(state: "ended" | "failed"): void {
    if (this.#state === "ended" || this.#state === "failed") return;
    this.#state = state;
    this.#source.off("data", this.#onData);
    this.#transfer.enter("own");
    for (const block of this.#waiting.splice(0)) this.#buffers.give(block);
    if (this.#filling !== undefined) this.#buffers.give(this.#filling);
    this.#filling = undefined;
    const pull = this.#pull;
    this.#pull = undefined;
    if (this.#failure === undefined) pull?.resolve({ done: true, value: undefined });
    else pull?.reject(this.#failure);
  }

  readonly #onData = (bytes: Uint8Array): void => {
    this.#transfer.bytes += bytes.length;
    let at = 0;
    while (at < bytes.length) {
      const block = (this.#filling ??= this.#newBlock());
      const count = Math.min(block.length - this.#filledBytes, bytes.length - at);
      block.set(count === bytes.length ? bytes : bytes.subarray(at, at + count), this.#filledBytes);
      at += count;
      this.#filledBytes += count;
      this.#leftBytes -= count;
      if (this.#filledBytes === block.length || this.#leftBytes === 0) this.#emit(block);
    }
    freeChunk(bytes);
  };

  #newBlock(): Uint8Array {
    return this.#leftBytes <= SMALL_BYTES ? new Uint8Array(this.#leftBytes) : this.#buffers.take();
  }

  #emit(block: Uint8Array): void {
    const value = block.subarray(0, this.#filledBytes);
    this.#filling = undefined;
    this.#filledBytes = 0;
    const pull = this.#pull;
    this.#pull = undefined;
    if (pull !== undefined) {
      this.#handedOut = value;
      pull.resolve({ done: false, value });
    } else {
      this.#waiting.push(value);
    }
    if (this.#leftBytes === 0) {
      // What waits is still handed out; only reading is over.
      this.#source.off("data", this.#onData);
      this.#transfer.enter("own");
      this.#state = "ended";
    } else if (this.#waiting.length >= WAITING_MAX) {
      this.#source.pause();
      this.#transfer.enter("own");
    }
  }

  #resume(): void {
    if (this.#state !== "open" || this.#waiting.length >= WAITING_MAX) return;
    this.#transfer.enter("bytes");
    this.#source.resume();
  }
}

/** Gives a chunk's memory back at once, after it was copied. Waiting for the collector costs:
 * chunks of 16 KiB count as external memory, and every 64 MiB of it start a marking of the whole
 * heap, which took more CPU time than receiving did. */
export function freeChunk(chunk: Uint8Array): void {
  const { buffer } = chunk;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === chunk.byteLength) buffer.transfer(0);
}

/** The other side no longer takes bytes. */
export class SessionBroken extends Error {}

function written(target: OutgoingMessage, piece: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new SessionBroken("closed before the body was sent"));
    target.once("close", onClose);
    target.write(piece, (error) => {
      target.off("close", onClose);
      if (error === null || error === undefined) resolve();
      else reject(new SessionBroken(error.message, { cause: error }));
    });
  });
}

/** Sends a whole body and ends the message. Each piece is taken by the system before the next is
 * given, so what waits in memory is one piece, and a block that its source reuses is safe.
 * @throws SessionBroken; what the source of the blocks throws */
export async function writeBody(
  target: OutgoingMessage,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  lengthBytes: number,
  transfer: Transfer,
): Promise<void> {
  let sentBytes = 0;
  const send = async (piece: Uint8Array): Promise<void> => {
    transfer.enter("bytes");
    await written(target, piece);
    transfer.bytes += piece.length;
    sentBytes += piece.length;
  };
  if (body instanceof Uint8Array) {
    for (let at = 0; at < body.length; at += BLOCK_BYTES) {
      await send(body.subarray(at, at + BLOCK_BYTES));
    }
  } else {
    for await (const block of body) {
      if (sentBytes + block.length > lengthBytes) break;
      for (let at = 0; at < block.length; at += BLOCK_BYTES) {
        await send(block.subarray(at, at + BLOCK_BYTES));
      }
      transfer.enter("own");
    }
  }
  if (sentBytes !== lengthBytes) {
    throw new TypeError(`a body of ${lengthBytes} bytes was promised, ${sentBytes} were sent`);
  }
  target.end();
}
