import { statfsSync } from "node:fs";

/** Without `file_storage`: this share of what is free, and no more than so much. */
const FREE_SHARE = 0.1;
const DEFAULT_MAX_BYTES = 50 * 2 ** 30;

/** The bytes that a peer offers to others.
 * @param configured `file_storage`
 * @param heldBytes what lies in the store already: it was free once */
export function offeredSpace(
  configured: number | undefined,
  storeFolder: string,
  heldBytes: number,
): number {
  if (configured !== undefined) return configured;
  const { bavail, bsize } = statfsSync(storeFolder);
  return Math.min(DEFAULT_MAX_BYTES, Math.floor(FREE_SHARE * (bavail * bsize + heldBytes)));
}
