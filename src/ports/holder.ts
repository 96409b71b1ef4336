import type { AccountId, Epoch, PeerId, ShardId } from "../base/id.ts";

export interface ShardWish {
  id: ShardId;
  lengthBytes: number;
}

/** Who asks: the peer is proven by the session, the account by a certificate. */
export interface Asker {
  peer: PeerId;
  account: AccountId;
}

/** What a holder answers to one wish. */
export type TicketGrant =
  | { id: ShardId; outcome: "granted"; ticket: Uint8Array }
  /** It is held already: `receipt` is as good as after an upload. */
  | { id: ShardId; outcome: "held"; receipt: Uint8Array }
  | { id: ShardId; outcome: "refused"; code: string; message: string };

export interface ShardReading {
  /** Of the whole shard; a range is cut there. */
  lengthBytes: number;
  /** 32 bytes a leaf; their two-level hash is the shard's id. */
  leafHashes: Uint8Array;
  /** Every byte was checked against its leaf hash before it comes out; the stream ends with
   * SHARD_CORRUPT instead. A block is valid until the next is pulled. */
  blocks: AsyncIterable<Uint8Array>;
}

export interface ScrubReport {
  shards: number;
  bytes: number;
  /** Ids whose bytes no longer match; they were set aside and are no longer held. */
  corrupt: ShardId[];
}

/** The holder's side: keeps other accounts' shards. Served to peers by the swarm layer.
 * @throws ShardError, codes in docs/errors.md */
export interface Holder {
  /** Answers each wish of an upload; a ticket is signed, for one shard, one use, and expires. */
  reserve(asker: Asker, wishes: readonly ShardWish[], epoch: Epoch): Promise<TicketGrant[]>;
  /** Stores a shard; resolves to the signed receipt when it is durable. */
  store(
    asker: Asker,
    id: ShardId,
    ticket: Uint8Array,
    blocks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<Uint8Array>;
  /** Reads bytes `[start, end)` widened to leaf borders when `proof` is set; the whole without a
   * range. */
  read(
    asker: Asker,
    id: ShardId,
    range?: { start: number; end: number; proof: boolean },
  ): Promise<ShardReading>;
  /** Which of the ids are held for the asker's account. */
  has(asker: Asker, ids: readonly ShardId[]): boolean[];
  /** Ids held for the asker's account, ordered, those after `after`. */
  list(asker: Asker, after: ShardId | undefined, limit: number): ShardId[];
  /** Checks every shard against its id. */
  scrub(signal: AbortSignal): Promise<ScrubReport>;
}
