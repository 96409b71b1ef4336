import { KIB, TRACKER_FILTERS_MAX_BYTES } from "../../base/limits.ts";

/** Filters of one size lie side by side in pages: a look-up goes through the filters of all agents,
 * and as many small arrays would cost it ten times the time, most of it waiting for memory. Larger
 * filters have a page each. */
const PAGE_BYTES = 128 * KIB;

/** Where one filter lies. */
export interface FilterPlace {
  /** What was there before is still in it. */
  readonly bytes: Uint8Array;
  /** From now on look-ups see it. */
  show(): void;
  /** Gives the memory back; `bytes` must no longer be used. */
  leave(): void;
}

interface Page<Owner> {
  readonly sizeBytes: number;
  readonly bytes: Uint8Array;
  /** Of each place whether it is taken, and whose filter look-ups see there. */
  readonly taken: boolean[];
  readonly owners: (Owner | undefined)[];
  takenCount: number;
}

/** The memory that a tracker has for the filters of its agents. */
export class FilterRoom<Owner> {
  readonly #pages = new Set<Page<Owner>>();
  #pagesBytes = 0;
  #takenBytes = 0;

  get freeBytes(): number {
    return TRACKER_FILTERS_MAX_BYTES - this.#takenBytes;
  }

  /** A place for a filter of `sizeBytes`, a power of two; undefined where there is no room. */
  take(sizeBytes: number, owner: Owner): FilterPlace | undefined {
    const page = this.#pageFor(sizeBytes);
    if (page === undefined) return undefined;
    const at = page.taken.indexOf(false);
    page.taken[at] = true;
    page.takenCount++;
    this.#takenBytes += sizeBytes;
    return {
      bytes: page.bytes.subarray(at * sizeBytes, (at + 1) * sizeBytes),
      show: () => void (page.owners[at] = owner),
      leave: () => this.#leave(page, at),
    };
  }

  /** Whose filters have all the bits of an id's words. */
  find(words: Uint32Array): Owner[] {
    const found: Owner[] = [];
    for (const page of this.#pages) findIn(page, words, found);
    return found;
  }

  #pageFor(sizeBytes: number): Page<Owner> | undefined {
    for (const page of this.#pages) {
      if (page.sizeBytes === sizeBytes && page.takenCount < page.taken.length) return page;
    }
    const pageBytes = Math.max(PAGE_BYTES, sizeBytes);
    if (this.#pagesBytes + pageBytes > TRACKER_FILTERS_MAX_BYTES) return undefined;
    const count = pageBytes / sizeBytes;
    const page: Page<Owner> = {
      sizeBytes,
      bytes: new Uint8Array(pageBytes),
      taken: Array.from({ length: count }, () => false),
      owners: Array.from({ length: count }, () => undefined),
      takenCount: 0,
    };
    this.#pagesBytes += pageBytes;
    this.#pages.add(page);
    return page;
  }

  #leave(page: Page<Owner>, at: number): void {
    if (page.taken[at] !== true) return;
    page.taken[at] = false;
    page.owners[at] = undefined;
    page.takenCount--;
    this.#takenBytes -= page.sizeBytes;
    if (page.takenCount > 0) return;
    this.#pages.delete(page);
    this.#pagesBytes -= page.bytes.length;
  }
}

function findIn<Owner>(page: Page<Owner>, words: Uint32Array, found: Owner[]): void {
  const { bytes, owners, sizeBytes } = page;
  const mask = sizeBytes * 8 - 1;
  // Loops by index: each look-up comes here once a filter, and ends at the first bits mostly.
  for (let at = 0, from = 0; at < owners.length; at++, from += sizeBytes) {
    const owner = owners[at];
    if (owner === undefined) continue;
    let has = true;
    for (let nth = 0; has && nth < words.length; nth++) {
      const bit = (words[nth] ?? 0) & mask;
      has = ((bytes[from + (bit >>> 3)] ?? 0) & (1 << (bit & 7))) !== 0;
    }
    if (has) found.push(owner);
  }
}
