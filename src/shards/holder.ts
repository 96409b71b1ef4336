import { codeOf, messageOf } from "../base/error.ts";
import { epochOf, parseId } from "../base/id.ts";
import type { AccountId, Epoch, PeerId, ShardId } from "../base/id.ts";
import {
  HOLDER_STORES_MAX,
  LEASE_EPOCHS,
  LIST_PAGE_MAX,
  TICKETS_PER_REQUEST_MAX,
} from "../base/limits.ts";
import type { Ticket } from "../codec/ticket.ts";
import type { SigningKey } from "../crypto/sign.node.ts";
import type { Blobs } from "../ports/blobs.ts";
import type { Clock } from "../ports/clock.ts";
import type { Database } from "../ports/database.ts";
import type {
  Asker,
  Holder,
  ScrubReport,
  ShardReading,
  ShardWish,
  TicketGrant,
} from "../ports/holder.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import { CommitGroup } from "./commit-group.ts";
import { ShardError, shardErrorOf } from "./error.ts";
import { takeIn } from "./intake.ts";
import type { Arrival } from "./intake.ts";
import { KeyLock } from "./key-lock.ts";
import { Reservations } from "./reservations.ts";
import { adoptBlobs, examine, scrub } from "./scrub.ts";
import type { Premises } from "./scrub.ts";
import { findHeld, readShard } from "./reading.ts";
import { ShardReader } from "./shard-reader.ts";
import { ShardTable } from "./shard-table.ts";
import type { ShardRow } from "./shard-table.ts";
import { Space } from "./space.ts";
import { TicketOffice } from "./ticket-office.ts";
import { Signer } from "./tickets.ts";

export interface HolderParts {
  /** Opened with HOLDER_SCHEMA; stays the caller's, as does `blobs`. */
  database: Database;
  blobs: Blobs;
  clock: Clock;
  random: Random;
  /** This peer's key. */
  key: SigningKey;
  /** Bytes offered to others; may change at any time. */
  spaceBytes: () => number;
  log: Log;
}

export interface HolderUsage {
  /** Shards held for somebody. */
  shards: number;
  /** Bytes of everything that lies here, also of what is set aside or without a lease. */
  bytes: number;
  spaceBytes: number;
  /** Accounts with a lease. */
  accounts: number;
  /** Blobs that nobody leases, as after the loss of the database. */
  orphans: number;
  /** Shards whose bytes are damaged or gone and that wait for good ones. */
  aside: number;
}

/** The holder's side of a peer. */
export interface HolderStore extends Holder {
  usage(): HolderUsage;
  /** Bytes that are kept for the account of each peer that has uploaded here; peers of one account
   * have the same. Reads every lease. */
  heldForPeers(): Map<PeerId, number>;
  /** Refuses what comes from now on, waits for what is running, and notes a clean stop. */
  close(): Promise<void>;
}

/** Flag of the database: 1 while a holder has it open. */
const OPEN_FLAG = "open";

/** Opens the holder's side. After an unclean stop, blobs that have no row are taken in
 * meanwhile. */
export function openHolder(parts: HolderParts): HolderStore {
  return new DiskHolder(parts);
}

class DiskHolder implements HolderStore {
  readonly #premises: Premises;
  readonly #signer: Signer;
  readonly #tickets: TicketOffice;
  readonly #group: CommitGroup;
  readonly #space: Space;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  #stores = 0;

  constructor(parts: HolderParts) {
    const { database, blobs, clock, log } = parts;
    const table = new ShardTable(database);
    const reader = new ShardReader(blobs, table);
    this.#premises = { table, blobs, reader, lock: new KeyLock(), clock, log };
    this.#signer = new Signer(parts.key, parts.random);
    this.#tickets = new TicketOffice(this.#signer, table);
    this.#group = new CommitGroup((work) => table.transaction(work), clock);
    this.#space = new Space(table, blobs, new Reservations(), parts.spaceBytes);
    const wasClean = table.flag(OPEN_FLAG) === 0;
    table.setFlag(OPEN_FLAG, 1);
    if (!wasClean) this.#adoptMeanwhile();
  }

  async reserve(asker: Asker, wishes: readonly ShardWish[], epoch: Epoch): Promise<TicketGrant[]> {
    this.#refuseClosed();
    if (wishes.length > TICKETS_PER_REQUEST_MAX) {
      const message = `${wishes.length} tickets asked for, ${TICKETS_PER_REQUEST_MAX} at most`;
      throw new ShardError("TICKETS_MANY", message);
    }
    const { clock } = this.#premises;
    if (Math.abs(epoch - epochOf(clock.nowMs())) > 1) {
      throw new ShardError("EPOCH_WRONG", `epoch ${epoch} is not today's`, {
        hint: "set this machine's clock",
      });
    }
    await this.#space.refresh(clock.nowMs());
    const grants: (TicketGrant | ShardWish)[] = [];
    for (const wish of wishes) grants.push(await this.#grant(asker, wish));
    const held = grants.filter((grant): grant is ShardWish => !("outcome" in grant));
    const receipts = this.#receipts(asker.account, held, epoch);
    return grants.map((grant): TicketGrant => {
      if ("outcome" in grant) return grant;
      return { id: grant.id, outcome: "held", receipt: receipts(grant) };
    });
  }

  async store(
    asker: Asker,
    id: ShardId,
    ticketBytes: Uint8Array,
    blocks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    this.#refuseClosed();
    if (this.#stores >= HOLDER_STORES_MAX) {
      throw new ShardError("HOLDER_BUSY", `${this.#stores} uploads are running already`);
    }
    const ticket = this.#tickets.punch(asker, id, ticketBytes, this.#premises.clock.nowMs());
    this.#stores++;
    this.#group.enter();
    try {
      return await this.#run(this.#storeWith(ticket, blocks, signal));
    } catch (error) {
      throw shardErrorOf(error, id);
    } finally {
      this.#group.leave();
      this.#stores--;
    }
  }

  async read(
    asker: Asker,
    id: ShardId,
    range?: { start: number; end: number; proof: boolean },
  ): Promise<ShardReading> {
    this.#refuseClosed();
    try {
      return await readShard(this.#premises, asker.account, id, range, this.#closing.signal);
    } catch (error) {
      throw shardErrorOf(error, id);
    }
  }

  has(asker: Asker, ids: readonly ShardId[]): boolean[] {
    return ids.map((id) => findHeld(this.#premises.table, asker.account, id) !== undefined);
  }

  list(asker: Asker, after: ShardId | undefined, limit: number): ShardId[] {
    if (after !== undefined && parseId(after) === undefined) {
      throw new ShardError("SHARD_ID_MALFORMED", "the id to list from is not one");
    }
    const bounded = Math.max(0, Math.min(Math.floor(limit), LIST_PAGE_MAX));
    return this.#premises.table.list(asker.account, after, bounded);
  }

  async scrub(signal: AbortSignal): Promise<ScrubReport> {
    this.#refuseClosed();
    const either = AbortSignal.any([signal, this.#closing.signal]);
    try {
      return await this.#run(scrub(this.#premises, either));
    } catch (error) {
      throw shardErrorOf(error, "of the scrub");
    }
  }

  usage(): HolderUsage {
    const { table } = this.#premises;
    const { held, aside, orphan } = table.totals();
    return {
      shards: held.shards,
      bytes: held.bytes + aside.bytes + orphan.bytes,
      spaceBytes: this.#space.offeredBytes,
      accounts: table.accounts(),
      orphans: orphan.shards,
      aside: aside.shards,
    };
  }

  heldForPeers(): Map<PeerId, number> {
    return this.#premises.table.heldForPeers();
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new ShardError("HOLDER_CLOSED", "the holder is stopping"));
    await Promise.allSettled(this.#running);
    try {
      this.#premises.table.setFlag(OPEN_FLAG, 0);
    } catch (error) {
      // Then the next start looks at the blobs again, nothing else.
      this.#premises.log.write("warn", "no clean stop noted", { message: messageOf(error) });
    }
  }

  /** The answer to a wish, or the wish itself where the shard is held for the asker. */
  async #grant(asker: Asker, wish: ShardWish): Promise<TicketGrant | ShardWish> {
    const { id } = wish;
    try {
      const row = await this.#intact(wish);
      const isOwn = this.#premises.table.leaseOf(asker.account, id) !== undefined;
      if (row?.state === "held" && isOwn) return wish;
      const nowMs = this.#premises.clock.nowMs();
      this.#space.reserve(asker.account, wish, row, nowMs);
      return { id, outcome: "granted", ticket: this.#signer.ticket(asker, wish, nowMs) };
    } catch (cause) {
      const error = shardErrorOf(cause, id);
      if (!(error instanceof ShardError)) throw error;
      if (codeOf(error) === "STORE_FAILED") {
        this.#premises.log.write("error", "store failed", { message: messageOf(error.cause) });
      }
      return { id, outcome: "refused", code: error.code, message: error.message };
    }
  }

  /** What is known of a wished shard; one that should be held is made sure to be there. */
  async #intact(wish: ShardWish): Promise<ShardRow | undefined> {
    const row = this.#space.check(wish);
    if (row?.state !== "held" || (await this.#premises.reader.isThere(row))) return row;
    return this.#examine(wish.id);
  }

  async #storeWith(
    ticket: Ticket,
    blocks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { shard: id, account, lengthBytes } = ticket;
    const wish = { id, lengthBytes };
    const known = await this.#intact(wish);
    using _room = await this.#space.claim(account, wish, known, this.#premises.clock.nowMs());
    const isKnown = known?.state === "held";
    const either = AbortSignal.any([signal, this.#closing.signal]);
    const arrival = await takeIn(this.#premises.blobs, id, lengthBytes, isKnown, blocks, either);
    const epoch = epochOf(this.#premises.clock.nowMs());
    await this.#premises.lock.run(id, () => this.#keep(ticket, arrival, epoch, isKnown));
    return this.#receipts(account, [wish], epoch)(wish);
  }

  /** Makes an arrival durable with its lease and its ticket's end. */
  async #keep(ticket: Ticket, arrival: Arrival, epoch: Epoch, isKnown: boolean): Promise<void> {
    const { table, blobs, clock } = this.#premises;
    const { shard, account } = ticket;
    const before = table.find(shard);
    const isHeld = before?.state === "held";
    if (isKnown && !isHeld) {
      // It was set aside while these bytes came in and were only compared.
      throw new ShardError(
        "SHARD_CORRUPT",
        `shard ${shard}: the holder's copy broke; send it again`,
      );
    }
    await (isHeld ? arrival.drop() : arrival.keep());
    try {
      await this.#group.commit(() => {
        if (!isHeld) table.hold(arrival.shard, epoch);
        table.lease(account, shard, epoch + LEASE_EPOCHS);
        table.noteDevice(ticket.peer, account);
        table.useTicket(ticket.number, ticket.expiresMs);
        table.dropTickets(clock.nowMs());
      });
    } catch (error) {
      // A blob that has no row takes space that nobody counts.
      if (before === undefined && arrival.shard.bytes === undefined) {
        await blobs.remove(shard).catch(() => undefined);
      }
      throw error;
    }
  }

  /** Makes the leases durable that receipts will speak of, in one commit; signs them one by one. */
  #receipts(
    account: AccountId,
    wishes: readonly ShardWish[],
    epoch: Epoch,
  ): (wish: ShardWish) => Uint8Array {
    const { table } = this.#premises;
    const until = epoch + LEASE_EPOCHS;
    const short = wishes.filter(({ id }) => (table.leaseOf(account, id) ?? 0) < until);
    if (short.length > 0) {
      table.transaction(() => short.forEach(({ id }) => table.lease(account, id, until)));
    }
    return (wish) => {
      const leaseUntil = table.leaseOf(account, wish.id) ?? until;
      return this.#signer.receipt(account, wish, epoch, leaseUntil);
    };
  }

  #examine(id: ShardId): Promise<ShardRow | undefined> {
    return examine(this.#premises, id);
  }

  #adoptMeanwhile(): void {
    const { log } = this.#premises;
    const adoption = adoptBlobs(this.#premises, this.#closing.signal).catch((error: unknown) => {
      if (this.#closing.signal.aborted) return;
      log.write("error", "blobs could not be walked", { message: messageOf(error) });
    });
    void this.#run(adoption);
  }

  async #run<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }

  #refuseClosed(): void {
    this.#closing.signal.throwIfAborted();
  }
}
