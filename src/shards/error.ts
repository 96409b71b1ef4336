import { codeOf, HoldfastError } from "../base/error.ts";
import type { ShardId } from "../base/id.ts";

export type ShardCode =
  | "DISK_FULL"
  | "EPOCH_WRONG"
  | "HOLDER_BUSY"
  | "HOLDER_CLOSED"
  | "SHARD_CORRUPT"
  | "SHARD_ID_MALFORMED"
  | "SHARD_LENGTH"
  | "SHARD_MISSING"
  | "SHARD_RANGE"
  | "SPACE_FULL"
  | "STORE_FAILED"
  | "STORE_READ_ONLY"
  | "TICKET_EXPIRED"
  | "TICKET_INVALID"
  | "TICKET_USED"
  | "TICKETS_MANY";

/** What a holder answers instead of a shard or a receipt. */
export class ShardError extends HoldfastError<ShardCode> {}

const FROM_PORTS: Readonly<Record<string, ShardCode>> = {
  BLOB_DISK_FULL: "DISK_FULL",
  BLOB_FAILED: "STORE_FAILED",
  BLOB_READ_ONLY: "STORE_READ_ONLY",
  DATABASE_CORRUPT: "STORE_FAILED",
  DATABASE_FAILED: "STORE_FAILED",
  DATABASE_FULL: "DISK_FULL",
  STORE_NOT_MOUNTED: "STORE_FAILED",
};

/** The holder's error for one of a disk or a database; anything else as it is. Peers see the text:
 * paths of this machine stay in the cause. */
export function shardErrorOf(error: unknown, id: ShardId): unknown {
  const code = FROM_PORTS[codeOf(error) ?? ""];
  if (code === undefined) return error;
  const message = {
    DISK_FULL: "the holder's disk is full",
    STORE_READ_ONLY: "the holder's disk takes nothing more",
  };
  const text = code in message ? message[code as keyof typeof message] : "the holder's disk failed";
  return new ShardError(code, `shard ${id}: ${text}`, { cause: error });
}
