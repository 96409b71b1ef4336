import { openDatabase } from "../adapters/database.node.ts";
import { DatabaseError } from "../adapters/error.ts";
import type { Database } from "../ports/database.ts";

/** Opens a database of a home, and says of a damaged one what moving it away would mean.
 * @param loss what is gone without the file, and where it comes back from
 * @throws DatabaseError DATABASE_CORRUPT | DATABASE_FAILED | DATABASE_FULL | DATABASE_NEWER */
export function openHomeDatabase(file: string, schema: readonly string[], loss: string): Database {
  try {
    return openDatabase(file, { schema });
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== "DATABASE_CORRUPT") throw error;
    throw new DatabaseError(error.code, error.message, {
      cause: error,
      hint: `check the disk, then move the file away (and its -wal): ${loss}`,
    });
  }
}
