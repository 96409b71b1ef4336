import type { Id, PeerId, ShardId } from "../base/id.ts";
import type { RecordEntry } from "../codec/record.ts";
import type { Code } from "./service.ts";
import type { ShardStoring } from "./spread/spread.ts";

/** What a volume needs of the swarm beside reading shards. */
export interface VolumeSwarm extends ShardStoring {
  /** Peers that offer space and answered just now or lately, without this one. */
  usableHolders(signal: AbortSignal): Promise<readonly PeerId[]>;
  /** `holders` in the order in which a stripe should try them, a function of ids and holders
   * alone. */
  rank(shards: readonly ShardId[], holders: readonly PeerId[]): readonly PeerId[];
  peerCounts(): { known: number; usable: number };
  /** The known peers, without those that could not be talked to when that was last tried. */
  hopefulPeers(): readonly PeerId[];
  /** Writes a record to its keepers.
   * @returns whether enough acknowledged, and the highest number that a keeper has beyond it */
  writeRecord(
    record: RecordEntry,
    code: Code,
    signal: AbortSignal,
  ): Promise<{ kept: boolean; newer?: bigint }>;
  /** The record with the highest valid number among those of all keepers that answer. */
  readRecord(
    key: Id,
    code: Code,
    signal: AbortSignal,
  ): Promise<{ record?: RecordEntry; answered: number; asked: number }>;
}

/** The default code for a number of holders. */
export type CodeTable = (holders: number) => { k: number; r: number; n: number } | undefined;
