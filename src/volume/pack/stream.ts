/** Blocks of a stream that came by message, waiting to be stored. The sender has one credit for
 * each block that was used up, so that at most its first credits lie here. */
export class BlockQueue {
  readonly #blocks: Uint8Array[] = [];
  readonly #onCredit: () => void;
  #wake: (() => void) | undefined;
  #offset = 0;

  constructor(onCredit: () => void) {
    this.#onCredit = onCredit;
  }

  /** Takes a block; an empty one ends the stream. */
  push(block: Uint8Array): void {
    this.#blocks.push(block);
    this.#wake?.();
  }

  /** Copies the next bytes into `target`; 0 at the end. */
  async fill(target: Uint8Array): Promise<number> {
    while (this.#blocks.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const block = this.#blocks[0] ?? new Uint8Array();
    if (block.length === 0) return 0;
    const part = block.subarray(this.#offset, this.#offset + target.length);
    target.set(part);
    this.#offset += part.length;
    if (this.#offset === block.length) {
      this.#blocks.shift();
      this.#offset = 0;
      this.#onCredit();
    }
    return part.length;
  }
}
