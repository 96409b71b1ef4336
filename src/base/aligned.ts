import { assert } from "./assert.ts";

const WASM_PAGE_BYTES = 64 * 1024;
/** What direct disk access wants of addresses, offsets and lengths: the largest sector in use. */
export const ALIGNMENT_BYTES = 4096;

/** Memory of pools made here; a WebAssembly memory begins on a page of the machine. */
const alignedMemory = new WeakSet<object>();

/** Whether a view begins and ends on aligned addresses, so that a disk can fill it directly. */
export function isAligned(view: Uint8Array): boolean {
  return (
    alignedMemory.has(view.buffer) &&
    view.byteOffset % ALIGNMENT_BYTES === 0 &&
    view.length % ALIGNMENT_BYTES === 0
  );
}

/** A fixed number of page-aligned buffers of one size, used again and again: fresh memory is filled
 * at a sixth of the speed. Pages that were never touched take no memory.
 * WebAssembly is used for its memory alone: JavaScript has no other way to aligned addresses. */
export class AlignedPool {
  readonly #free: Uint8Array[] = [];
  readonly #all: ReadonlySet<Uint8Array>;

  /** `lengthBytes` is a multiple of ALIGNMENT_BYTES. */
  constructor(count: number, lengthBytes: number) {
    assert(lengthBytes % ALIGNMENT_BYTES === 0, "an aligned buffer has an aligned length");
    const pages = Math.ceil((count * lengthBytes) / WASM_PAGE_BYTES);
    const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
    alignedMemory.add(buffer);
    for (let index = count - 1; index >= 0; index--) {
      this.#free.push(new Uint8Array(buffer, index * lengthBytes, lengthBytes));
    }
    this.#all = new Set(this.#free);
  }

  /** A buffer with old content, or undefined where all are taken: the caller then does without. */
  take(): Uint8Array | undefined {
    return this.#free.pop();
  }

  /** Gives back a buffer that `take` gave; nothing may still read or write it. */
  give(buffer: Uint8Array): void {
    assert(this.#all.has(buffer) && !this.#free.includes(buffer), "a buffer comes back once");
    this.#free.push(buffer);
  }
}
