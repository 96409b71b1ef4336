import { MIB, STRIPE_MAX_BYTES } from "../../base/limits.ts";
import { CodecError } from "../../codec/error.ts";
import { shardBytesOf } from "../../codec/stripe.ts";
import type { Stripe } from "../../codec/stripe.ts";

/** A slot holds the largest stripe, and a little for shards being rounded up. */
export const READ_SLOT_BYTES = STRIPE_MAX_BYTES + MIB;

/** Where the shards of one stripe go in one slot: data shards where they make up the pack, all
 * others behind it in spare places. */
export class ShardPlaces {
  readonly shardBytes: number;
  readonly #at: number;
  readonly #k: number;
  readonly #spare: number[] = [];

  /** @throws CodecError FORMAT_MALFORMED for a stripe beyond STRIPE_MAX_BYTES */
  constructor(stripe: Stripe, at: number) {
    const { k, packBytes } = stripe;
    this.shardBytes = shardBytesOf(packBytes, k);
    this.#at = at;
    this.#k = k;
    const count = Math.floor(READ_SLOT_BYTES / this.shardBytes);
    if (count <= k) {
      const text = `stripe: ${k} shards of ${this.shardBytes} bytes are more than a stripe may have`;
      throw new CodecError("FORMAT_MALFORMED", text);
    }
    // Copies have no place of their own: the first that is asked for takes the first place.
    const firstSpare = k === 1 ? 0 : k;
    const last = Math.min(count, firstSpare + stripe.n + 1) - 1;
    for (let place = last; place >= firstSpare; place--) {
      this.#spare.push(at + place * this.shardBytes);
    }
  }

  /** A place for shard `index`, or undefined where all spare ones are taken. */
  take(index: number): number | undefined {
    return this.#isOwn(index) ? this.#at + index * this.shardBytes : this.#spare.pop();
  }

  /** Gives back the place of a shard that did not come. */
  giveBack(index: number, at: number): void {
    if (!this.#isOwn(index)) this.#spare.push(at);
  }

  #isOwn(index: number): boolean {
    return this.#k > 1 && index < this.#k;
  }
}
