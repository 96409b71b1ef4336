import { assert } from "../base/assert.ts";
import { parseId } from "../base/id.ts";
import type { AccountId } from "../base/id.ts";
import { SHARD_MAX_BYTES, STORE_FREE_MIN_BYTES, TICKET_LIFETIME_MS } from "../base/limits.ts";
import type { Blobs } from "../ports/blobs.ts";
import type { ShardWish } from "../ports/holder.ts";
import { ShardError } from "./error.ts";
import type { Reservations } from "./reservations.ts";
import type { ShardRow, ShardTable } from "./shard-table.ts";

/** Says whether there is room for a shard, by what is offered and by what the disk has left. */
export class Space {
  readonly #table: ShardTable;
  readonly #blobs: Blobs;
  readonly #reservations: Reservations;
  readonly #spaceBytes: () => number;
  #freeBytes = 0;

  constructor(
    table: ShardTable,
    blobs: Blobs,
    reservations: Reservations,
    spaceBytes: () => number,
  ) {
    this.#table = table;
    this.#blobs = blobs;
    this.#reservations = reservations;
    this.#spaceBytes = spaceBytes;
  }

  get offeredBytes(): number {
    const offered = this.#spaceBytes();
    assert(offered >= 0, "the space offered is a number of bytes");
    return offered;
  }

  /** Looks at the disk and forgets reservations that have expired.
   * @throws errors of the store */
  async refresh(nowMs: number): Promise<void> {
    this.#reservations.expire(nowMs);
    this.#freeBytes = await this.#blobs.freeBytes();
  }

  /** The row of a wished shard, whose id and length come from a peer.
   * @throws ShardError SHARD_ID_MALFORMED | SHARD_LENGTH */
  check({ id, lengthBytes }: ShardWish): ShardRow | undefined {
    if (parseId(id) === undefined) {
      throw new ShardError("SHARD_ID_MALFORMED", "the id of a wished shard is not one");
    }
    if (!Number.isSafeInteger(lengthBytes) || lengthBytes < 1 || lengthBytes > SHARD_MAX_BYTES) {
      const message = `shard ${id}: a shard has 1 to ${SHARD_MAX_BYTES} bytes, not ${lengthBytes}`;
      throw new ShardError("SHARD_LENGTH", message);
    }
    const row = this.#table.find(id);
    if (row?.state === "held" && row.lengthBytes !== lengthBytes) {
      throw new ShardError("SHARD_LENGTH", `shard ${id}: has not ${lengthBytes} bytes`);
    }
    return row;
  }

  /** Counts a ticket's shard until the ticket expires.
   * @throws ShardError SPACE_FULL | DISK_FULL | TICKETS_MANY */
  reserve(account: AccountId, wish: ShardWish, row: ShardRow | undefined, nowMs: number): void {
    const already = this.#reservations.bytesFor(account, wish.id);
    if (already === undefined && !this.#reservations.hasRoom(account)) {
      throw new ShardError("TICKETS_MANY", `shard ${wish.id}: too many tickets are open`, {
        hint: "use the open tickets first, or wait until they expire",
      });
    }
    const newBytes = this.#refuseFull(wish, row, already ?? 0);
    this.#reservations.add(account, wish.id, newBytes, nowMs + TICKET_LIFETIME_MS);
  }

  /** Counts an upload while it runs: what its ticket reserved, or anew after a restart.
   * @throws ShardError SPACE_FULL | DISK_FULL; errors of the store */
  async claim(
    account: AccountId,
    wish: ShardWish,
    row: ShardRow | undefined,
    nowMs: number,
  ): Promise<Disposable> {
    let release = this.#reservations.claim(account, wish.id);
    if (release === undefined) {
      await this.refresh(nowMs);
      release = this.#reservations.claimUnreserved(this.#refuseFull(wish, row, 0));
    }
    return { [Symbol.dispose]: release };
  }

  /** @returns the bytes that the shard adds to those that lie here */
  #refuseFull(wish: ShardWish, row: ShardRow | undefined, alreadyBytes: number): number {
    const newBytes = Math.max(0, wish.lengthBytes - (row?.lengthBytes ?? 0));
    const reservedBytes = this.#reservations.bytes - alreadyBytes;
    const { held, aside, orphan } = this.#table.totals();
    const usedBytes = held.bytes + aside.bytes + orphan.bytes + reservedBytes;
    if (newBytes > 0 && usedBytes + newBytes > this.offeredBytes) {
      throw new ShardError(
        "SPACE_FULL",
        `shard ${wish.id}: ${this.offeredBytes} bytes are offered here, ${usedBytes} are used or ` +
          `reserved, ${newBytes} more are needed`,
      );
    }
    // A damaged shard is replaced after its successor was written: both are there for a moment.
    const writtenBytes = row?.state === "held" ? 0 : wish.lengthBytes;
    if (writtenBytes > 0 && reservedBytes + writtenBytes > this.#freeBytes - STORE_FREE_MIN_BYTES) {
      throw new ShardError("DISK_FULL", `shard ${wish.id}: the holder's disk is full`);
    }
    return newBytes;
  }
}
