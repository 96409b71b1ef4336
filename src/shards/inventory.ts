import type { Database } from "../ports/database.ts";
import type { Inventory } from "../ports/inventory.ts";
import { ShardTable } from "./shard-table.ts";

/** The inventory of a holder.
 * @param database the holder's, opened with HOLDER_SCHEMA; stays the caller's */
export function createInventory(database: Database): Inventory {
  const table = new ShardTable(database);
  return {
    holds: (id) => table.find(id)?.state === "held",
    heldShards: () => table.totals().held.shards,
    page(after, limit) {
      const rows = table.page(after, limit);
      const ids = rows.flatMap(({ id, state }) => (state === "held" ? [id] : []));
      return { ids, last: rows.at(-1)?.number ?? after };
    },
  };
}
