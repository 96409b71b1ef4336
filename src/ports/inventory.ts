import type { ShardId } from "../base/id.ts";

/** What a holder holds, for whomever: what it tells trackers. Ids cannot be guessed, so that
 * whoever asks for one knows the shard already. */
export interface Inventory {
  /** Whether a shard is held for anybody. */
  holds(id: ShardId): boolean;
  /** How many shards are held. */
  heldShards(): number;
  /** Ids held among the next `limit` shards after `after` (0: from the beginning), in the order in
   * which they came, and the number from which the next page goes on; the same number at the
   * end. A shard that comes in is on a page after all earlier ones. */
  page(after: number, limit: number): { ids: ShardId[]; last: number };
}
