import { HoldfastError } from "../base/error.ts";

export type DatabaseCode =
  | "DATABASE_CORRUPT"
  | "DATABASE_FAILED"
  | "DATABASE_FULL"
  | "DATABASE_NEWER";

/** A database that cannot do what it was asked to.
 * @see src/ports/database.ts */
export class DatabaseError extends HoldfastError<DatabaseCode> {}

export type BlobCode =
  | "BLOB_DISK_FULL"
  | "BLOB_FAILED"
  | "BLOB_MISSING"
  | "BLOB_READ_ONLY"
  | "STORE_FOREIGN"
  | "STORE_NEWER"
  | "STORE_NOT_MOUNTED";

/** A store of blobs that cannot do what it was asked to.
 * @see src/ports/blobs.ts */
export class BlobError extends HoldfastError<BlobCode> {}

export type SecretsCode = "SECRET_UNREADABLE" | "SECRET_UNWRITABLE";

/** A secret that the disk does not give or take; the message names its file.
 * @see src/ports/secrets.ts */
export class SecretsError extends HoldfastError<SecretsCode> {}
