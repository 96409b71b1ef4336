import { assert } from "../../base/assert.ts";

/** A fixed number of equal places in the arena for stripes: what bounds the memory of a put.
 * The one that was freed last is given first, so that as few as possible are ever touched. */
export class Slots {
  readonly #firstAt: number;
  readonly #strideBytes: number;
  readonly #firstSlot: number;
  readonly #count: number;
  readonly #free: number[] = [];
  readonly #waiting: ((slot: number) => void)[] = [];

  /** Slots are numbered from `firstSlot` on. */
  constructor(firstAt: number, strideBytes: number, count: number, firstSlot = 0) {
    this.#firstAt = firstAt;
    this.#strideBytes = strideBytes;
    this.#firstSlot = firstSlot;
    this.#count = count;
    for (let slot = count - 1; slot >= 0; slot--) this.#free.push(firstSlot + slot);
  }

  /** Whether a number is one of these slots. */
  has(slot: number): boolean {
    return slot >= this.#firstSlot && slot < this.#firstSlot + this.#count;
  }

  /** Waits for a free slot; the caller owns it until `release`. */
  acquire(): Promise<number> {
    const slot = this.#free.pop();
    if (slot !== undefined) return Promise.resolve(slot);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  release(slot: number): void {
    assert(!this.#free.includes(slot), "a slot is released once");
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(slot);
    else next(slot);
  }

  /** Where a slot begins in the arena. */
  at(slot: number): number {
    return this.#firstAt + (slot - this.#firstSlot) * this.#strideBytes;
  }
}
