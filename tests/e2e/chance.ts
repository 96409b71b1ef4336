// Chance with a seed, which a test prints, so that a failure can be had again.

/** Draws numbers and picks from a seed. */
export class Chance {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.#state = (this.seed ^ 0x9e3779b9) >>> 0 || 1;
  }

  /** The seed that `variable` names, or a new one. */
  static from(variable: string): Chance {
    const given = process.env[variable];
    return new Chance(given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given));
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    this.#state >>>= 0;
    return this.#state % limit;
  }

  /** `count` different items, in a random order. */
  pick<Item>(items: readonly Item[], count: number): Item[] {
    const left = [...items];
    const picked: Item[] = [];
    while (picked.length < count && left.length > 0) {
      picked.push(...left.splice(this.below(left.length), 1));
    }
    return picked;
  }
}
