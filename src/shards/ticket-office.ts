import type { ShardId } from "../base/id.ts";
import { base32Encode } from "../base/base32.ts";
import { RESERVATIONS_MAX } from "../base/limits.ts";
import type { Ticket } from "../codec/ticket.ts";
import type { Asker } from "../ports/holder.ts";
import { ShardError } from "./error.ts";
import type { ShardTable } from "./shard-table.ts";
import type { Signer } from "./tickets.ts";

/** Lets each ticket through once. One whose upload succeeded is remembered on the disk until it
 * expires; one whose upload failed only here, for it has done nothing. */
export class TicketOffice {
  readonly #signer: Signer;
  readonly #table: ShardTable;
  /** Number of each punched ticket → its expiry, the oldest first. */
  readonly #punched = new Map<string, number>();

  constructor(signer: Signer, table: ShardTable) {
    this.#signer = signer;
    this.#table = table;
  }

  /** Checks a ticket and makes it void.
   * @throws ShardError TICKET_INVALID | TICKET_EXPIRED | TICKET_USED */
  punch(asker: Asker, id: ShardId, bytes: Uint8Array, nowMs: number): Ticket {
    const ticket = this.#signer.open(asker, id, bytes, nowMs);
    const number = base32Encode(ticket.number);
    if (this.#punched.has(number) || this.#table.isTicketUsed(ticket.number)) {
      throw new ShardError("TICKET_USED", `shard ${id}: the ticket was used already`);
    }
    for (const [oldest, expiresMs] of this.#punched) {
      if (expiresMs > nowMs && this.#punched.size < RESERVATIONS_MAX) break;
      this.#punched.delete(oldest);
    }
    this.#punched.set(number, ticket.expiresMs);
    return ticket;
  }
}
