import type { PeerId } from "../../base/id.ts";
import { utf8 } from "../../base/bytes.ts";
import type { TreeEntry } from "../../codec/tree.ts";
import type { VolumeKeys } from "../../object/keys.ts";
import type { Workers } from "../../ports/workers.ts";
import type { IndexStore, PackRow } from "../index/store.ts";
import type { GetSummary, Report } from "../service.ts";
import type { TreeReader } from "../tree/read.ts";
import { withPack } from "./lend.ts";
import type { PackLoader } from "./load.ts";
import { READ_SLOTS } from "./memory.ts";
import type { ReadMemory } from "./memory.ts";
import type { OpenSetup } from "./messages.ts";
import { OpenSession } from "./open-session.ts";
import { planWindows } from "./plan.ts";
import type { PlanPack, PlanWindow } from "./plan.ts";
import type { RepairSummary } from "./repair.ts";

export interface RestoreParts {
  index: IndexStore;
  keys: VolumeKeys;
  loader: PackLoader;
  tree: TreeReader;
  workers: Workers;
}

export interface RestoreRequest {
  entry: TreeEntry;
  /** Absolute path on this machine. */
  target: string;
  peersOnly: boolean;
}

/** Packs read without a fault that are looked at again when a holder turns out to have bad shards:
 * where one shard in each pack is bad, the first pack or two may be read without meeting it. */
const SOUND_MAX = 8;

/** Shards that reading found bad, as a get sums them up. */
export class RepairTally {
  repairedShards = 0;
  warnings = 0;
  readonly badPeers = new Set<PeerId>();
  readonly #report: Report;
  /** Each holds a slot, so there are as few as those. */
  readonly #running = new Set<Promise<void>>();
  /** The last packs that were read without a fault. */
  readonly #sound: PackRow[] = [];

  constructor(report: Report) {
    this.#report = report;
  }

  /** Counts one stripe's repair when it has ended. */
  add(repair: Promise<RepairSummary>): void {
    const counted = repair.then((summary) => {
      this.#count(summary);
      this.#running.delete(counted);
    });
    this.#running.add(counted);
  }

  /** Takes note of a pack that was read without a fault. */
  addSound(pack: PackRow): void {
    this.#sound.push(pack);
    if (this.#sound.length > SOUND_MAX) this.#sound.shift();
  }

  /** Packs that were read before a holder of theirs was found to have bad shards; each once. */
  takeDoubtful(): PackRow[] {
    return this.#sound
      .splice(0)
      .filter(({ stripe }) =>
        stripe.shards.some(({ holder }) => holder !== undefined && this.badPeers.has(holder)),
      );
  }

  /** Resolves when all repairs have ended. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** The first bad shard of each peer is told. */
  #count({ repairedShards, badPeers }: RepairSummary): void {
    this.repairedShards += repairedShards;
    for (const peer of badPeers) {
      if (this.badPeers.has(peer)) continue;
      this.badPeers.add(peer);
      this.warnings++;
      const message = `peer ${peer} returned bad shards; they are made anew from the others`;
      this.#report({ event: "warning", code: "SHARD_CORRUPT", message });
    }
  }
}

/** Restores an entry exactly to a path, window by window: packs are read ahead while a worker opens
 * and writes those that came. When it ends, for whatever reason, nothing incomplete is left.
 * @throws VolumeError SHARDS_MISSING | CHUNK_MISSING | TARGET_BLOCKED | TARGET_FULL |
 * WORKER_FAILED; ObjectError CHUNK_FORGED; the signal's reason */
export async function restoreEntry(
  parts: RestoreParts,
  memory: ReadMemory,
  request: RestoreRequest,
  tally: RepairTally,
  report: Report,
  signal: AbortSignal,
): Promise<GetSummary> {
  const staging = await memory.stagings.acquire();
  const ending = new AbortController();
  const both = AbortSignal.any([signal, ending.signal]);
  let restore: Restore | undefined;
  try {
    signal.throwIfAborted();
    const stagingAt = memory.stagings.at(staging);
    const setup: OpenSetup = { memory: memory.arena.memory, keys: parts.keys, stagingAt };
    const session = new OpenSession(parts.workers.start("open", setup));
    restore = new Restore(parts, memory, session, tally, report);
    await restore.run(request, both);
    await tally.settled();
    await restore.checkDoubtful(both);
    await tally.settled();
    const { files, bytes } = session.counts;
    const { repairedShards, warnings, badPeers } = tally;
    return { files, bytes, warnings, repairedShards, badPeers: [...badPeers] };
  } catch (error) {
    ending.abort(error);
    throw error;
  } finally {
    await restore?.close();
    await tally.settled();
    memory.stagings.release(staging);
  }
}

class Restore {
  readonly #parts: RestoreParts;
  readonly #memory: ReadMemory;
  readonly #session: OpenSession;
  readonly #tally: RepairTally;
  readonly #report: Report;
  /** Packs being loaded or written, in the order in which they are written. */
  readonly #loading: Promise<void>[] = [];

  constructor(
    parts: RestoreParts,
    memory: ReadMemory,
    session: OpenSession,
    tally: RepairTally,
    report: Report,
  ) {
    this.#parts = parts;
    this.#memory = memory;
    this.#session = session;
    this.#tally = tally;
    this.#report = report;
  }

  async run({ entry, target, peersOnly }: RestoreRequest, signal: AbortSignal): Promise<void> {
    const { tree, index } = this.#parts;
    for await (const window of planWindows(tree, index, entry, utf8(target), signal)) {
      await this.#runWindow(window, peersOnly, signal);
    }
  }

  /** Reads packs again whose holders were found to have bad shards only after they were read. */
  async checkDoubtful(signal: AbortSignal): Promise<void> {
    for (const pack of this.#tally.takeDoubtful()) {
      const onRepair = (repair: Promise<RepairSummary>): void => this.#tally.add(repair);
      const options = { peersOnly: true, onRepair };
      await withPack(this.#memory, this.#parts.loader, pack, options, signal, () => undefined);
    }
  }

  /** Ends the worker, and waits for what still uses the memory. */
  async close(): Promise<void> {
    await this.#session.close();
    await Promise.allSettled(this.#loading);
  }

  async #runWindow(window: PlanWindow, peersOnly: boolean, signal: AbortSignal): Promise<void> {
    this.#session.make(window.items);
    const { packs } = window;
    await this.#runPacks(packs, peersOnly, signal);
    // All lengths are known now: what had to wait for those of other packs can be written.
    const again = packs.filter(({ isDone }) => !isDone);
    await this.#runPacks(again, peersOnly, signal);
    window.end();
    this.#session.finish(window.finished);
    await this.#session.sync();
    this.#tell();
  }

  /** Reads packs ahead, as many as there are slots, and hands them to the worker in order. */
  async #runPacks(
    packs: readonly PlanPack[],
    peersOnly: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    let turn: Promise<void> = Promise.resolve();
    for (const pack of packs) {
      if (this.#loading.length >= READ_SLOTS) await this.#loading.shift();
      const handed = Promise.withResolvers<void>();
      const work = this.#runPack(pack, peersOnly, turn, handed.resolve, signal);
      // Those behind it need not wait when it fails; the failure is met where it is waited for.
      work.then(handed.resolve, handed.resolve);
      this.#loading.push(work);
      turn = handed.promise;
    }
    while (this.#loading.length > 0) await this.#loading.shift();
  }

  async #runPack(
    pack: PlanPack,
    peersOnly: boolean,
    turn: Promise<void>,
    handed: () => void,
    signal: AbortSignal,
  ): Promise<void> {
    const row = this.#parts.index.pack(pack.id);
    const onRepair = (repair: Promise<RepairSummary>): void => this.#tally.add(repair);
    const onSound = (sound: PackRow): void => this.#tally.addSound(sound);
    const options = { peersOnly, ranges: pack.ranges, onRepair, onSound };
    await withPack(this.#memory, this.#parts.loader, row, options, signal, async ({ packAt }) => {
      await turn;
      signal.throwIfAborted();
      const pieces = pack.take(this.#memory.arena.bytes, packAt);
      const written = this.#session.write(pieces);
      handed();
      await written;
    });
    this.#tell();
  }

  #tell(): void {
    const { files, bytes } = this.#session.counts;
    this.#report({ event: "progress", phase: "restore", files, bytes });
  }
}
