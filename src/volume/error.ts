import { HoldfastError } from "../base/error.ts";

export type VolumeCode =
  | "PATH_MALFORMED"
  | "PATH_MISSING"
  | "PATH_KIND"
  | "VOLUME_UNKNOWN"
  | "CODE_UNUSABLE"
  | "FILE_CHANGED"
  | "FILE_SPECIAL"
  | "TARGET_BLOCKED"
  | "TARGET_FULL"
  | "SHARDS_MISSING"
  | "CHUNK_MISSING"
  | "INDEX_NOT_RECOVERED"
  | "HOME_LEFT_OUT"
  | "HEAD_FORGED"
  | "HEAD_ROLLED_BACK"
  | "SNAPSHOT_MISSING"
  | "NOT_YET_SAFE"
  | "WORKER_FAILED";

/** What can go wrong between a user's files and a volume. */
export class VolumeError extends HoldfastError<VolumeCode> {}
