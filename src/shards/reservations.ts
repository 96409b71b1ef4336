import type { AccountId, ShardId } from "../base/id.ts";
import { RESERVATIONS_MAX, RESERVATIONS_PER_ACCOUNT_MAX } from "../base/limits.ts";

interface Reservation {
  account: AccountId;
  bytes: number;
  expiresMs: number;
}

/** Space that open tickets and running uploads will take. It is counted once for an account and
 * shard, however often that account asks. Lost at a restart: uploads are checked again then. */
export class Reservations {
  /** In the order of their expiry, as all live equally long. */
  readonly #open = new Map<string, Reservation>();
  readonly #countByAccount = new Map<AccountId, number>();
  #bytes = 0;

  /** Bytes reserved in all. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the account may have one more. */
  hasRoom(account: AccountId): boolean {
    const count = this.#countByAccount.get(account) ?? 0;
    return this.#open.size < RESERVATIONS_MAX && count < RESERVATIONS_PER_ACCOUNT_MAX;
  }

  /** Bytes already reserved for this account and shard, or undefined. */
  bytesFor(account: AccountId, id: ShardId): number | undefined {
    return this.#open.get(keyOf(account, id))?.bytes;
  }

  add(account: AccountId, id: ShardId, bytes: number, expiresMs: number): void {
    this.#drop(keyOf(account, id));
    this.#open.set(keyOf(account, id), { account, bytes, expiresMs });
    this.#countByAccount.set(account, (this.#countByAccount.get(account) ?? 0) + 1);
    this.#bytes += bytes;
  }

  /** Hands a reservation over to the upload it was made for: it is counted on until the returned
   * function is called, once. Undefined where there is none. */
  claim(account: AccountId, id: ShardId): (() => void) | undefined {
    const bytes = this.#open.get(keyOf(account, id))?.bytes;
    if (bytes === undefined) return undefined;
    this.#drop(keyOf(account, id));
    return this.claimUnreserved(bytes);
  }

  /** Counts an upload that has no reservation, until the returned function is called. */
  claimUnreserved(bytes: number): () => void {
    this.#bytes += bytes;
    return () => {
      this.#bytes -= bytes;
    };
  }

  /** Releases what was reserved longer ago than tickets live. */
  expire(nowMs: number): void {
    for (const [key, { expiresMs }] of this.#open) {
      if (expiresMs > nowMs) break;
      this.#drop(key);
    }
  }

  #drop(key: string): void {
    const reservation = this.#open.get(key);
    if (reservation === undefined) return;
    this.#open.delete(key);
    this.#bytes -= reservation.bytes;
    const count = (this.#countByAccount.get(reservation.account) ?? 1) - 1;
    if (count > 0) this.#countByAccount.set(reservation.account, count);
    else this.#countByAccount.delete(reservation.account);
  }
}

function keyOf(account: AccountId, id: ShardId): string {
  return `${account}/${id}`;
}
