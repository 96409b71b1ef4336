import { messageOf } from "../../base/error.ts";
import type { Id } from "../../base/id.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Directory } from "../../ports/directory.ts";
import type { Log } from "../../ports/log.ts";

/** Directories forget what is not said again after 20 minutes. */
const ROUND_MS = 10 * 60_000;
/** Records that are announced in one round; who keeps more takes them in turn. */
const RECORDS_PER_ROUND_MAX = 128;
/** Announcements that failed in a row before the round is given up. */
const FAILURES_MAX = 3;

export interface AnnouncingParts {
  directory: Pick<Directory, "announce">;
  /** Keys of at most `limit` records that are kept here, after `after`, in order. */
  keys: (after: Id | undefined, limit: number) => Id[];
  clock: Clock;
  log: Log;
}

/** Says again and again which records are kept here, until `signal` is aborted; so whoever does not
 * know their keepers finds them. Never throws. */
export async function keepAnnouncing(parts: AnnouncingParts, signal: AbortSignal): Promise<void> {
  const { directory, keys, clock, log } = parts;
  let after: Id | undefined;
  while (!signal.aborted) {
    await clock.sleep(ROUND_MS, signal).catch(() => undefined);
    let failures = 0;
    const page = keys(after, RECORDS_PER_ROUND_MAX);
    after = page.length < RECORDS_PER_ROUND_MAX ? undefined : page.at(-1);
    for (const key of page) {
      if (signal.aborted || failures >= FAILURES_MAX) break;
      try {
        await directory.announce(key, signal);
      } catch (error) {
        failures++;
        log.write("debug", "record.announce", { why: messageOf(error) });
      }
    }
  }
}
