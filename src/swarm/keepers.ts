import { equalBytes } from "../base/bytes.ts";
import { messageOf } from "../base/error.ts";
import type { Id, PeerId } from "../base/id.ts";
import type { RecordEntry } from "../codec/record.ts";
import type { PeerClient } from "./client.ts";

/** From so many keepers on, one may be missing when a record counts as written. */
const ALL_BELOW = 5;

export interface WriteReport {
  /** Whether enough keepers have it: all but one, or all where there are fewer than 5. */
  kept: boolean;
  acknowledged: PeerId[];
  /** Why the others did not take it. */
  failures: Map<PeerId, string>;
  /** The highest number beyond ours that a keeper has, properly signed. */
  newer?: bigint;
  /** Properly signed other values of our number: somebody signs with the same key. */
  forks: RecordEntry[];
}

/** Writes a record to its keepers, all at once.
 * @throws the signal's reason */
export async function writeRecordToKeepers(
  client: Pick<PeerClient, "writeRecord">,
  keepers: readonly PeerId[],
  record: RecordEntry,
  signal: AbortSignal,
): Promise<WriteReport> {
  const report: WriteReport = { kept: false, acknowledged: [], failures: new Map(), forks: [] };
  const wanted = keepers.length < ALL_BELOW ? keepers.length : keepers.length - 1;
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const writes = keepers.map(async (keeper) => {
    try {
      const { outcome, records } = await client.writeRecord(keeper, record, signal);
      const highest = records[0]?.number ?? 0n;
      const ours = records.some((kept) => equalBytes(kept.signature, record.signature));
      if (highest > record.number) {
        if (highest > (report.newer ?? 0n)) report.newer = highest;
        report.failures.set(keeper, `has number ${highest}`);
      } else if (ours) {
        report.acknowledged.push(keeper);
        addForks(report.forks, records, record);
      } else {
        addForks(report.forks, records, record);
        report.failures.set(keeper, `answers ${outcome} without the record`);
      }
    } catch (error) {
      report.failures.set(keeper, messageOf(error));
    }
    if (report.acknowledged.length >= wanted) resolve();
  });
  // One slow keeper does not hold up a write that the others have: it goes on, not awaited.
  await Promise.race([enough, Promise.all(writes)]);
  signal.throwIfAborted();
  report.kept = wanted > 0 && report.acknowledged.length >= wanted;
  return report;
}

export interface ReadReport {
  /** The record with the highest valid number; of a forked one the value seen first. */
  record?: RecordEntry;
  /** Other values of that number. */
  forks: RecordEntry[];
  /** Keepers that answered, those without the record too. */
  answered: PeerId[];
  asked: number;
  failures: Map<PeerId, string>;
}

/** Asks all keepers of a record for it.
 * @throws the signal's reason */
export async function readRecordFromKeepers(
  client: Pick<PeerClient, "readRecord">,
  keepers: readonly PeerId[],
  key: Id,
  signal: AbortSignal,
): Promise<ReadReport> {
  const failures = new Map<PeerId, string>();
  const report: ReadReport = { forks: [], answered: [], asked: keepers.length, failures };
  await Promise.all(
    keepers.map(async (keeper) => {
      try {
        const { records } = await client.readRecord(keeper, key, signal);
        report.answered.push(keeper);
        const [first] = records;
        if (first === undefined) return;
        if (report.record === undefined || first.number > report.record.number) {
          report.record = first;
          report.forks = [];
        }
        if (first.number === report.record.number) addForks(report.forks, records, report.record);
      } catch (error) {
        failures.set(keeper, messageOf(error));
      }
    }),
  );
  signal.throwIfAborted();
  return report;
}

/** Adds the values that are neither `record` nor known yet. */
function addForks(forks: RecordEntry[], found: readonly RecordEntry[], record: RecordEntry): void {
  for (const other of found) {
    const known = [record, ...forks].some(({ value }) => equalBytes(value, other.value));
    if (!known && other.number === record.number) forks.push(other);
  }
}
