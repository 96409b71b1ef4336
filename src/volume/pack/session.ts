import { assert } from "../../base/assert.ts";
import { HoldfastError } from "../../base/error.ts";
import type { PackKind } from "../../codec/pack.ts";
import type { TreeEntry } from "../../codec/tree.ts";
import type { StripeCode } from "../../object/stripe.ts";
import type { Channel } from "../../ports/workers.ts";
import { VolumeError } from "../error.ts";
import type { Report } from "../service.ts";
import type { PackAnswer, PackCommand, PackCounts, PackEvent, ReadyStripe } from "./messages.ts";

export interface PackSessionEvents {
  /** Spreads and indexes a stripe; its slot is released when the promise ends, whichever way. */
  onStripe: (stripe: ReadyStripe) => Promise<void>;
  onNode: (name: Uint8Array, bytes: Uint8Array) => void;
  report: Report;
}

/** Blocks of a stream that may be on their way to the worker at once. */
const STREAM_CREDITS = 8;

type Waiting = { resolve: (answer: PackAnswer) => void; reject: (error: Error) => void };

/** The service's end of a pack worker: commands as promises, stripes as they come. */
export class PackSession {
  readonly #channel: Channel;
  readonly #events: PackSessionEvents;
  readonly #waiting = new Map<number, Waiting>();
  readonly #spreading = new Set<Promise<void>>();
  #calls = 0;
  #credits = STREAM_CREDITS;
  #wakeStream: (() => void) | undefined;
  #failure: Error | undefined;
  #ended = false;

  constructor(channel: Channel, events: PackSessionEvents) {
    this.#channel = channel;
    this.#events = events;
    channel.receive((message) => this.#receive(message as PackEvent));
    channel.failed((error) => {
      this.#fail(new VolumeError("WORKER_FAILED", "the packing thread ended", { cause: error }));
    });
  }

  useCode(code: StripeCode): void {
    this.#post({ type: "code", code });
  }

  /** Stores what lies at a path of this machine. */
  async scan(
    path: Uint8Array,
    exclude: readonly string[],
    signal: AbortSignal,
  ): Promise<{ entry: TreeEntry; counts: PackCounts }> {
    const answer = await this.#call(signal, (call) => ({ type: "scan", call, path, exclude }));
    assert(answer.kind === "scanned", "a scan is answered by an entry");
    return answer;
  }

  /** Stores a stream of bytes as a file. */
  async stream(
    blocks: AsyncIterable<Uint8Array>,
    mtimeMs: number,
    signal: AbortSignal,
  ): Promise<{ entry: TreeEntry; counts: PackCounts }> {
    const answered = this.#call(signal, (call) => ({ type: "stream", call, mtimeMs }));
    // Whatever ends the call early ends the pulling too, even while the source gives nothing.
    const pulling = this.#pull(blocks, answered);
    const [answer] = await Promise.all([answered, pulling]);
    assert(answer.kind === "scanned", "a stream is answered by an entry");
    return answer;
  }

  /** Sends the blocks of a stream to the worker, each for a credit, until they or the call end.
   * @throws what the source throws */
  async #pull(blocks: AsyncIterable<Uint8Array>, answered: Promise<unknown>): Promise<void> {
    const call = { isOver: false };
    const end = (): void => {
      call.isOver = true;
      this.#wakeStream?.();
    };
    answered.then(end, end);
    this.#credits = STREAM_CREDITS;
    for await (const block of blocks) {
      while (this.#credits === 0 && !call.isOver) {
        await new Promise<void>((resolve) => {
          this.#wakeStream = resolve;
        });
      }
      if (call.isOver) return;
      if (block.length === 0) continue;
      this.#credits--;
      this.#post({ type: "block", bytes: new Uint8Array(block) });
    }
    this.#post({ type: "block", bytes: new Uint8Array() });
  }

  /** Stores one chunk of metadata and gives its name. */
  async add(kind: PackKind, bytes: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const answer = await this.#call(signal, (call) => ({ type: "chunk", call, kind, bytes }));
    assert(answer.kind === "named", "a chunk is answered by its name");
    return answer.name;
  }

  /** Ends all open packs and waits until every stripe so far was spread.
   * @throws what a stripe's spreading threw */
  async flush(signal: AbortSignal): Promise<void> {
    await this.#call(signal, (call) => ({ type: "flush", call }));
    while (this.#spreading.size > 0) await Promise.all(this.#spreading);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** A free slot of the arena, to be filled with a pack and given to `recode`. */
  async slot(signal: AbortSignal): Promise<{ slot: number; at: number }> {
    const answer = await this.#call(signal, (call) => ({ type: "slot", call }));
    assert(answer.kind === "slot", "a slot is answered by a slot");
    return answer;
  }

  /** Codes the pack in a slot; its stripe comes as an event, without entries. */
  recode(slot: number, kind: PackKind, packBytes: number, code: StripeCode): void {
    this.#post({ type: "recode", slot, kind, packBytes, code });
  }

  /** Gives back a slot that was not used. */
  release(slot: number): void {
    this.#post({ type: "release", slot });
  }

  /** Ends the worker; what was not flushed is forgotten. */
  async close(): Promise<void> {
    this.#ended = true;
    await this.#channel.close();
    await Promise.allSettled(this.#spreading);
  }

  #post(command: PackCommand): void {
    if (!this.#ended) this.#channel.post(command);
  }

  #call(signal: AbortSignal, make: (call: number) => PackCommand): Promise<PackAnswer> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    signal.throwIfAborted();
    const call = ++this.#calls;
    return new Promise<PackAnswer>((resolve, reject) => {
      const abort = (): void => {
        this.#waiting.delete(call);
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", abort, { once: true });
      const done = (): void => signal.removeEventListener("abort", abort);
      this.#waiting.set(call, {
        resolve: (answer) => (done(), resolve(answer)),
        reject: (error) => (done(), reject(error)),
      });
      this.#post(make(call));
    });
  }

  /** What an event's handler throws, as for a full disk, ends the session and not the daemon. */
  #receive(event: PackEvent): void {
    try {
      this.#handle(event);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #handle(event: PackEvent): void {
    switch (event.type) {
      case "stripe":
        return this.#spread(event.stripe);
      case "node":
        return this.#events.onNode(event.name, event.bytes);
      case "progress": {
        const { files, bytes } = event.counts;
        return this.#events.report({ event: "progress", phase: "store", files, bytes });
      }
      case "warning":
        return this.#events.report({
          event: "warning",
          code: event.code,
          message: event.message,
          path: event.path,
        });
      case "credit":
        this.#credits++;
        return this.#wakeStream?.();
      case "answer":
        this.#waiting.get(event.call)?.resolve(event.value);
        this.#waiting.delete(event.call);
        return;
      case "failure": {
        const { code, message, hint } = event;
        const error = new HoldfastError(code, message, hint === undefined ? {} : { hint });
        this.#waiting.get(event.call)?.reject(error);
        this.#waiting.delete(event.call);
      }
    }
  }

  #spread(stripe: ReadyStripe): void {
    const work = this.#events.onStripe(stripe).then(
      () => undefined,
      (error: unknown) => this.#fail(error instanceof Error ? error : new Error(String(error))),
    );
    const tracked = work.then(() => {
      this.#spreading.delete(tracked);
      this.#post({ type: "release", slot: stripe.slot });
    });
    this.#spreading.add(tracked);
  }

  /** One failure ends the session: whoever waits, and whoever calls later, gets it. */
  #fail(error: Error): void {
    this.#failure ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#failure);
    this.#waiting.clear();
  }
}
