import { DATAGRAM_WINDOW } from "./limits.ts";

const WORD_BITS = 32;

/** Which of a sender's counters were seen: the newest `DATAGRAM_WINDOW` ones, everything older
 * counts as seen (RFC 4303, section 3.4.3). */
export class ReplayWindow {
  #newest = -1;
  readonly #seen = new Uint32Array(DATAGRAM_WINDOW / WORD_BITS);

  isFresh(counter: number): boolean {
    if (counter > this.#newest) return true;
    if (this.#newest - counter >= DATAGRAM_WINDOW) return false;
    const { word, bit } = placeOf(counter);
    return ((this.#seen[word] ?? 0) & bit) === 0;
  }

  mark(counter: number): void {
    if (counter - this.#newest >= DATAGRAM_WINDOW) this.#seen.fill(0);
    else for (let at = this.#newest + 1; at < counter; at++) this.#clear(at);
    this.#newest = Math.max(this.#newest, counter);
    const { word, bit } = placeOf(counter);
    this.#seen[word] = (this.#seen[word] ?? 0) | bit;
  }

  #clear(counter: number): void {
    const { word, bit } = placeOf(counter);
    this.#seen[word] = (this.#seen[word] ?? 0) & ~bit;
  }
}

function placeOf(counter: number): { word: number; bit: number } {
  const at = counter % DATAGRAM_WINDOW;
  return { word: Math.floor(at / WORD_BITS), bit: 1 << (at % WORD_BITS) };
}
