import { idOf } from "../base/id.ts";
import type { AccountId, Epoch, ShardId } from "../base/id.ts";
import { codeOf } from "../base/error.ts";
import { TICKET_LIFETIME_MS, TICKET_MAX_BYTES } from "../base/limits.ts";
import { encodeReceipt } from "../codec/receipt.ts";
import { decodeTicket, encodeTicket } from "../codec/ticket.ts";
import type { Ticket } from "../codec/ticket.ts";
import { openEnvelope, signEnvelope } from "../crypto/envelope.ts";
import type { SigningKey } from "../crypto/sign.node.ts";
import type { Asker, ShardWish } from "../ports/holder.ts";
import type { Random } from "../ports/random.ts";
import { ShardError } from "./error.ts";

const NUMBER_BYTES = 16;

/** Signs what the holder promises, and checks its own tickets when they come back. */
export class Signer {
  readonly #key: SigningKey;
  readonly #holder: string;
  readonly #random: Random;

  constructor(key: SigningKey, random: Random) {
    this.#key = key;
    this.#holder = idOf(key.publicKey);
    this.#random = random;
  }

  /** A ticket for one upload of one shard by one peer. */
  ticket(asker: Asker, wish: ShardWish, nowMs: number): Uint8Array {
    const body = encodeTicket({
      holder: this.#holder,
      peer: asker.peer,
      account: asker.account,
      shard: wish.id,
      lengthBytes: wish.lengthBytes,
      number: this.#random.bytes(NUMBER_BYTES),
      expiresMs: Math.floor(nowMs) + TICKET_LIFETIME_MS,
    });
    return signEnvelope("ticket", this.#key, body);
  }

  /** The ticket of an upload, checked but for whether it was used.
   * @throws ShardError TICKET_INVALID | TICKET_EXPIRED */
  open(asker: Asker, id: ShardId, bytes: Uint8Array, nowMs: number): Ticket {
    const ticket = this.#decode(id, bytes);
    const isForThis =
      ticket.holder === this.#holder &&
      ticket.peer === asker.peer &&
      ticket.account === asker.account &&
      ticket.shard === id;
    if (!isForThis) {
      throw new ShardError("TICKET_INVALID", `shard ${id}: the ticket is for another upload`);
    }
    if (ticket.expiresMs <= nowMs) {
      throw new ShardError("TICKET_EXPIRED", `shard ${id}: the ticket has expired`);
    }
    return ticket;
  }

  /** A receipt for a shard that is durable. */
  receipt(account: AccountId, wish: ShardWish, epoch: Epoch, leaseUntilEpoch: Epoch): Uint8Array {
    const { id: shard, lengthBytes } = wish;
    const holder = this.#holder;
    const body = encodeReceipt({ holder, account, shard, lengthBytes, epoch, leaseUntilEpoch });
    return signEnvelope("receipt", this.#key, body);
  }

  #decode(id: ShardId, bytes: Uint8Array): Ticket {
    try {
      if (bytes.length > TICKET_MAX_BYTES) {
        throw new ShardError("TICKET_INVALID", `shard ${id}: the ticket is too long`);
      }
      const { signer, body } = openEnvelope("ticket", bytes);
      if (idOf(signer) !== this.#holder) {
        throw new ShardError("TICKET_INVALID", `shard ${id}: the ticket is not from this holder`);
      }
      return decodeTicket(body);
    } catch (cause) {
      if (cause instanceof ShardError || codeOf(cause) === undefined) throw cause;
      throw new ShardError("TICKET_INVALID", `shard ${id}: the ticket is not one`, { cause });
    }
  }
}
