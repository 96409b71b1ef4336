import type { Id, PeerId, ShardId } from "../base/id.ts";
import type { RecordEntry } from "../codec/record.ts";
import type { Clock } from "../ports/clock.ts";
import type { Directory } from "../ports/directory.ts";
import type { PeerClient } from "./client.ts";
import { readRecordFromKeepers, writeRecordToKeepers } from "./keepers.ts";
import { Patience } from "./patience.ts";
import { keeperCount, keepersOf, rankHolders } from "./placement.ts";
import type { Roster } from "./roster.ts";

/** Whoever answered so lately needs no new hello. */
const FRESH_MS = 10_000;
/** Whoever answered so lately, and has not failed since, counts as usable. */
const LATELY_MS = 10 * 60_000;
/** Peers beside the keepers that are asked for a record which these do not have. */
const ELSEWHERE_MAX = 32;
/** Hellos at once. */
const PROBES_MAX = 16;

interface Code {
  k: number;
  n: number;
}

/** The swarm as the owner's side sees it: the client, and who is there. */
export interface Swarm extends Pick<
  PeerClient,
  "reserve" | "storeShard" | "readShard" | "readRange" | "have"
> {
  /** Peers that offer space and answered just now or lately, without this one. Peers that failed
   * lately are left out without being asked. */
  usableHolders(signal: AbortSignal): Promise<readonly PeerId[]>;
  /** `holders` in the order in which a stripe tries them. */
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
  ): Promise<{ kept: boolean; newer?: bigint; forks: readonly RecordEntry[] }>;
  /** The record with the highest valid number among those of all keepers that answer. */
  readRecord(
    key: Id,
    code: Code,
    signal: AbortSignal,
  ): Promise<{
    record?: RecordEntry;
    forks: readonly RecordEntry[];
    answered: number;
    asked: number;
  }>;
}

export interface SwarmOptions {
  self: PeerId;
  client: PeerClient;
  directory: Directory;
  clock: Clock;
  /** Fed by `observedNet` around the client's Net. */
  roster: Roster;
  /** Whether a peer is one to store at and to wait for; all are without it. */
  isPresent?: (peer: PeerId) => boolean;
}

/** Puts client, directory and roster together. */
export function createSwarm(options: SwarmOptions): Swarm {
  const { self, client, directory, isPresent = everybody } = options;
  const patience = new Patience(options.clock, options.roster);
  const presence = new Presence(options, patience);
  const keepers = (key: Id, code: Code, candidates = presence.present()): PeerId[] =>
    keepersOf(key, candidates, keeperCount(code));
  /** Keepers to write to: where enough are there, those that are away are passed over. */
  const writable = (key: Id, code: Code): PeerId[] => {
    const there = presence.present().filter((peer) => !options.roster.isFailing(peer));
    return there.length >= keeperCount(code) ? keepers(key, code, there) : keepers(key, code);
  };
  const patient: Pick<PeerClient, "writeRecord" | "readRecord"> = {
    writeRecord: (peer, record, signal) =>
      patience.ask(peer, (limit) => client.writeRecord(peer, record, limit), signal),
    readRecord: (peer, key, signal) =>
      patience.ask(peer, (limit) => client.readRecord(peer, key, limit), signal),
  };
  /** Who else may have a record: peers have come and gone since it was written, so that the rule
   * names others now. */
  const elsewhere = async (
    key: Id,
    asked: readonly PeerId[],
    signal: AbortSignal,
  ): Promise<PeerId[]> => {
    const named = await directory.lookup(key, signal);
    const all = new Set([...named, ...presence.hopeful().filter(isPresent)]);
    for (const peer of [self, ...asked]) all.delete(peer);
    return [...all].slice(0, ELSEWHERE_MAX);
  };
  return {
    reserve: (peer, wishes, signal) => client.reserve(peer, wishes, signal),
    storeShard: (peer, id, ticket, bytes, signal) =>
      client.storeShard(peer, id, ticket, bytes, signal),
    readShard: (peer, id, into, signal) => client.readShard(peer, id, into, signal),
    readRange: (peer, id, range, signal) => client.readRange(peer, id, range, signal),
    have: (peer, ids, signal) => client.have(peer, ids, signal),
    rank: rankHolders,
    usableHolders: (signal) => presence.usableHolders(signal),
    peerCounts: () => presence.counts(),
    hopefulPeers: () => presence.hopeful(),
    async writeRecord(record, code, signal) {
      const to = writable(record.key, code);
      const { kept, newer, forks } = await writeRecordToKeepers(patient, to, record, signal);
      return { kept, forks, ...(newer === undefined ? {} : { newer }) };
    },
    async readRecord(key, code, signal) {
      const from = keepers(key, code);
      const report = await readRecordFromKeepers(patient, from, key, signal);
      const { answered, asked } = report;
      const counts = { answered: answered.length, asked };
      const { record, forks } =
        report.record === undefined
          ? await readRecordFromKeepers(patient, await elsewhere(key, from, signal), key, signal)
          : report;
      return record === undefined ? { forks, ...counts } : { forks, ...counts, record };
    },
  };
}

function everybody(): boolean {
  return true;
}

/** Who is there, by asking those of whom nothing was heard lately. */
class Presence {
  readonly #options: SwarmOptions;
  /** Holders whose last hello said that they have no room. */
  readonly #full = new Set<PeerId>();
  readonly #patience: Patience;

  constructor(options: SwarmOptions, patience: Patience) {
    this.#options = options;
    this.#patience = patience;
  }

  /** The known peers that are ones to store at and to wait for. */
  present(): PeerId[] {
    const { isPresent = everybody } = this.#options;
    return this.#others(() => true).filter(isPresent);
  }

  async usableHolders(signal: AbortSignal): Promise<PeerId[]> {
    const { isPresent = everybody } = this.#options;
    const offering = this.#others((offeredBytes) => offeredBytes > 0);
    const candidates = offering.filter(isPresent);
    const queue = candidates.values();
    const probes = Array.from({ length: PROBES_MAX }, async () => {
      for (const peer of queue) await this.#probe(peer, signal);
    });
    await Promise.all(probes);
    signal.throwIfAborted();
    return candidates.filter((peer) => this.#isUsable(peer));
  }

  counts(): { known: number; usable: number } {
    const known = this.#others(() => true);
    return {
      known: known.length,
      usable: known.filter((peer) => this.#isUsable(peer)).length,
    };
  }

  hopeful(): PeerId[] {
    const { roster } = this.#options;
    return this.#others(() => true).filter((peer) => !roster.isFailing(peer));
  }

  #others(isWanted: (offeredBytes: number) => boolean): PeerId[] {
    const { self, directory } = this.#options;
    const others = directory.peers().filter((card) => card.id !== self);
    return others.filter(({ offeredBytes }) => isWanted(offeredBytes)).map(({ id }) => id);
  }

  #isUsable(peer: PeerId): boolean {
    return this.#options.roster.answered(peer, LATELY_MS) && !this.#full.has(peer);
  }

  async #probe(peer: PeerId, signal: AbortSignal): Promise<void> {
    const { client, roster } = this.#options;
    if (roster.backsOff(peer) || roster.answered(peer, FRESH_MS)) return;
    try {
      const asked = (limit: AbortSignal): ReturnType<PeerClient["hello"]> =>
        client.hello(peer, limit);
      const { freeBytes } = await this.#patience.ask(peer, asked, signal);
      if (freeBytes > 0) this.#full.delete(peer);
      else this.#full.add(peer);
    } catch {
      // The roster knows; whoever does not answer is not usable, and that is the answer.
    }
  }
}
