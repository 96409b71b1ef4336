import { assert } from "../base/assert.ts";
import { Mutex } from "../base/mutex.ts";
import { utf8 } from "../base/bytes.ts";
import { epochOf, idOf } from "../base/id.ts";
import type { Id } from "../base/id.ts";
import { STRIPE_SHARDS_MAX } from "../base/limits.ts";
import type { TreeEntry } from "../codec/tree.ts";
import type { SigningKey } from "../crypto/sign.node.ts";
import { VolumeError } from "./error.ts";
import { contentIdOf } from "./content-id.ts";
import { finishPacks, hasWork } from "./finish.ts";
import type { Getter } from "./get/get.ts";
import { publish } from "./publish/publish.ts";
import type { PublishParts, SnapshotWish } from "./publish/publish.ts";
import { recoverState } from "./publish/recover.ts";
import type { VolumeState } from "./publish/state.ts";
import type { PackSession } from "./pack/session.ts";
import type {
  Code,
  Entry,
  GetRequest,
  GetSummary,
  PutRequest,
  PutSummary,
  Report,
  SnapshotInfo,
  VolumeService,
  VolumeStatus,
} from "./service.ts";
import { Reach } from "./reach.ts";
import type { CodeTable } from "./swarm.ts";
import { replaceEntry } from "./tree/edit.ts";
import { parseVolumePath, quote } from "./tree/path.ts";
import type { VolumePath } from "./tree/path.ts";
import { VolumeView } from "./view.ts";
import type { ListOptions } from "./view.ts";
import { Writer } from "./writer.ts";
import type { WriteOptions, WriterParts } from "./writer.ts";

export interface VolumeParts extends WriterParts {
  device: SigningKey;
  getter: Getter;
  codeTable: CodeTable;
  /** The code that the configuration sets, if it does. */
  fixedCode: () => Code | undefined;
  /** The home's keys were made just now. */
  isNew: boolean;
}

/** Seconds after which the memory of the last put or get is given back. */
const REST_TICKS = 20;
/** Below so many holders nothing is safe: one copy is as easily lost as the one here. */
const SAFE_HOLDERS_MIN = 2;
const LOCAL_CODE = { k: 1, r: 1, n: 1 };
const NOTHING: Report = () => undefined;

/** The volume `home` of this device. Changes run one at a time; reading goes on beside them. */
export class Volume implements VolumeService {
  readonly #parts: VolumeParts;
  readonly #writer: Writer;
  readonly #view: VolumeView;
  readonly #reach: Reach;
  readonly #changes = new Mutex();
  #state: VolumeState | undefined;
  #background: AbortController | undefined;
  /** How many holders were usable when that was last asked. */
  #holders = 0;

  constructor(parts: VolumeParts) {
    this.#parts = parts;
    this.#writer = new Writer(parts);
    this.#reach = new Reach(parts);
    this.#view = new VolumeView({
      ...parts,
      state: async (signal) => this.#state ?? this.#recoverAlone(signal),
    });
  }

  async put(request: PutRequest, report: Report, signal: AbortSignal): Promise<PutSummary> {
    const target = parseVolumePath(request.target);
    let warnings = 0;
    const counting: Report = (event) => {
      if (event.event === "warning") warnings++;
      report(event);
    };
    return this.#change(request.code, request.ack, counting, signal, async (session, options) => {
      const state = this.#known();
      const { entry, counts } = await this.#store(session, request, signal);
      const tree = await this.#withEntry(session, state, target, entry, signal);
      const { next, safe } = await this.#publish(session, options, signal, {
        tree,
        message: `put ${target.text}`,
      });
      if (!safe) this.#warnUnsafe(counting);
      const contentId = contentIdOf(this.#parts.keys, entry);
      this.#parts.index.keepContent(contentId, target.text);
      return {
        ...counts,
        storedBytes: this.#writer.sentBytes,
        snapshot: next.snapshotNumber,
        safe,
        contentId: idOf(contentId),
        warnings,
        ...options.code,
      };
    });
  }

  async get(request: GetRequest, report: Report, signal: AbortSignal): Promise<GetSummary> {
    const { peersOnly, target } = request;
    const entry = await this.#view.entryAt(request.source, request.at, signal);
    return this.#parts.getter.restore(entry, target, { peersOnly }, report, signal);
  }

  async *read(
    request: { source: string; peersOnly: boolean; at?: number },
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const entry = await this.#view.entryAt(request.source, request.at, signal);
    if (entry.kind !== "file") {
      throw new VolumeError(
        "PATH_KIND",
        `${quote(request.source)} is a ${entry.kind}, not a file`,
        {
          hint: "name a local path to get it to",
        },
      );
    }
    yield* this.#parts.getter.read(entry, { peersOnly: request.peersOnly }, signal);
  }

  list(path: string, options: ListOptions, signal: AbortSignal): Promise<Entry[]> {
    return this.#view.list(path, options, signal);
  }

  async remove(path: string, signal: AbortSignal): Promise<{ snapshot: number }> {
    const target = parseVolumePath(path);
    this.#refuseRoot(target);
    return this.#change(undefined, "full", NOTHING, signal, async (session, options) => {
      await this.#view.entryAt(path, undefined, signal);
      const tree = await this.#withEntry(session, this.#known(), target, undefined, signal);
      const wish = { tree, message: `rm ${target.text}` };
      const { next } = await this.#publish(session, options, signal, wish);
      return { snapshot: next.snapshotNumber };
    });
  }

  async move(from: string, to: string, signal: AbortSignal): Promise<{ snapshot: number }> {
    const source = parseVolumePath(from);
    const target = parseVolumePath(to);
    this.#refuseRoot(source);
    if (`${target.text}/`.startsWith(`${source.text}/`)) {
      throw new VolumeError("PATH_KIND", `${quote(to)} lies within ${quote(from)}`, {
        hint: "a folder cannot be moved into itself",
      });
    }
    if (`${source.text}/`.startsWith(`${target.text}/`)) {
      throw new VolumeError("PATH_KIND", `${quote(from)} lies within ${quote(to)}`, {
        hint: "it would take the place of all else in there; move it elsewhere first",
      });
    }
    return this.#change(undefined, "full", NOTHING, signal, async (session, options) => {
      const entry = await this.#view.entryAt(from, undefined, signal);
      await this.#view.refuseFolderAt(target, signal);
      const state = this.#known();
      const without = await this.#withEntry(session, state, source, undefined, signal);
      await session.flush(signal);
      const tree = await this.#withEntry(session, { tree: without }, target, entry, signal);
      const wish = { tree, message: `mv ${source.text} ${target.text}` };
      const { next } = await this.#publish(session, options, signal, wish);
      return { snapshot: next.snapshotNumber };
    });
  }

  history(path: string | undefined, signal: AbortSignal): Promise<SnapshotInfo[]> {
    return this.#view.history(path, signal);
  }

  status(): VolumeStatus {
    const { index, swarm } = this.#parts;
    const peers = swarm.peerCounts();
    const { packBytes, widest, ...packs } = index.counts();
    const state = this.#state;
    const redundancy = this.#codeFor(this.#holders, undefined);
    const reasons: string[] = [];
    if (state === undefined) reasons.push("the index is not yet recovered from the swarm");
    if (packs.partial > 0) reasons.push(`${packs.partial} packs lack some of their shards`);
    if (packs.partial > 0 && widest > peers.known) {
      reasons.push(`a code of ${widest} shards wants as many peers, ${peers.known} are known`);
    }
    const { lostPacks } = this.#reach;
    if (lostPacks > 0) reasons.push(`too few holders of ${lostPacks} packs can be reached`);
    if (packs.local > 0) reasons.push(`${packs.local} packs lie on this machine alone`);
    if (state?.headKept === false) reasons.push("the newest head is not yet on its keepers");
    const safe = reasons.length === 0;
    if (!safe && peers.known === 0) reasons.push("no other peer is known yet");
    else if (!safe && peers.usable < SAFE_HOLDERS_MIN) {
      reasons.push(
        `${peers.usable} of ${peers.known} known peers can be used, ${SAFE_HOLDERS_MIN} are needed`,
      );
    }
    return {
      safe,
      reasons,
      redundancy,
      peers,
      snapshot: state?.snapshotNumber ?? 0,
      packs,
      packBytes,
    };
  }

  findContent(id: Id, signal: AbortSignal): Promise<string | undefined> {
    return this.#view.findContent(id, signal);
  }

  /** Finishes what is not safe yet: missing shards, local packs, a head that is not kept. Does
   * nothing when all is well; gives way to the user's own changes. */
  async finish(signal: AbortSignal): Promise<void> {
    const yielding = new AbortController();
    this.#background = yielding;
    const both = AbortSignal.any([signal, yielding.signal]);
    await this.#changes.run(async () => {
      both.throwIfAborted();
      const options = await this.#options(undefined, "full", NOTHING, both);
      const state = await this.#recovered(options.code, both);
      const idle = state.headKept && !hasWork(this.#parts.index, options);
      if (idle || options.holders.length === 0) return;
      await this.#writer.withSession(options, both, async (session) => {
        await finishPacks(this.#parts.index, this.#writer, session, options, both);
        if (state.headKept && !this.#parts.index.hasNews()) return;
        if (state.snapshot !== undefined) await this.#publish(session, options, both, undefined);
      });
    });
  }

  /** Called every second: looks whether everything could be fetched now. */
  watch(signal: AbortSignal): Promise<void> {
    const stored = [this.#parts.index.counts(), String(this.#state?.headNumber)];
    return this.#reach.look(JSON.stringify(stored), signal);
  }

  /** Called every second: gives memory back that nothing has used for a while. */
  rest(): void {
    this.#parts.arenas.tick(REST_TICKS);
  }

  async close(): Promise<void> {
    this.#background?.abort(new Error("the volume is closed"));
    await this.#changes.run(async () => this.#parts.index.close());
  }

  /** Runs a change of the volume alone, with a pack session and the code for today's holders. */
  #change<T>(
    code: Code | undefined,
    ack: PutRequest["ack"],
    report: Report,
    signal: AbortSignal,
    work: (session: PackSession, options: WriteOptions) => Promise<T>,
  ): Promise<T> {
    this.#background?.abort(new Error("gives way to a change by the user"));
    return this.#changes.run(async () => {
      signal.throwIfAborted();
      const options = await this.#options(code, ack, report, signal);
      await this.#recovered(options.code, signal);
      return this.#writer.withSession(options, signal, (session) => work(session, options));
    });
  }

  async #options(
    code: Code | undefined,
    ack: PutRequest["ack"],
    report: Report,
    signal: AbortSignal,
  ): Promise<WriteOptions> {
    const holders = await this.#parts.swarm.usableHolders(signal);
    this.#holders = holders.length;
    const { k, n, r } = this.#codeFor(holders.length, code);
    // Stripes that are being finished may have more shards than today's code has.
    const placeMax = ack === "r" ? r : STRIPE_SHARDS_MAX;
    return { code: { k, n }, holders, placeMax, report };
  }

  #codeFor(holders: number, wished: Code | undefined): { k: number; n: number; r: number } {
    const fixed = wished ?? this.#parts.fixedCode();
    if (fixed !== undefined) {
      return { ...fixed, r: Math.min(fixed.n, fixed.k + Math.ceil((fixed.n - fixed.k) * 0.8)) };
    }
    return this.#parts.codeTable(holders) ?? LOCAL_CODE;
  }

  async #recovered(code: Code, signal: AbortSignal): Promise<VolumeState> {
    const { getter } = this.#parts;
    const readChunk = (name: Uint8Array, within: AbortSignal): Promise<Uint8Array> =>
      getter.chunks.readChunk(name, { peersOnly: false }, within);
    this.#state ??= await recoverState(
      { ...this.#parts, readChunk },
      code,
      this.#parts.isNew,
      signal,
    );
    return this.#state;
  }

  #known(): VolumeState {
    assert(this.#state !== undefined, "a change begins with a recovered state");
    return this.#state;
  }

  async #store(
    session: PackSession,
    { source, exclude }: PutRequest,
    signal: AbortSignal,
  ): ReturnType<PackSession["scan"]> {
    if (source.kind === "path") return session.scan(utf8(source.path), exclude, signal);
    return session.stream(source.blocks, this.#parts.clock.nowMs(), signal);
  }

  #withEntry(
    session: PackSession,
    state: { tree: Uint8Array | undefined },
    target: VolumePath,
    entry: TreeEntry | undefined,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { index, getter, clock } = this.#parts;
    return replaceEntry(
      {
        readAll: (node) => Array.fromAsync(getter.tree.readDirectory(node, signal)),
        sink: async (bytes) => {
          const name = await session.add("tree", bytes, signal);
          index.keepNode(name, bytes);
          return name;
        },
        nowNs: BigInt(Math.trunc(clock.nowMs())) * 1_000_000n,
      },
      state.tree,
      target.names,
      entry,
    );
  }

  async #publish(
    session: PackSession,
    options: WriteOptions,
    signal: AbortSignal,
    wish: SnapshotWish | undefined,
  ): Promise<{ next: VolumeState; safe: boolean }> {
    const { index, keys, device, clock } = this.#parts;
    const parts: PublishParts = {
      index,
      keys,
      device,
      nowMs: () => clock.nowMs(),
      epoch: () => epochOf(clock.nowMs()),
      writeHead: (record, within) => this.#writeHead(record, options, within),
    };
    this.#state = await publish(parts, session, this.#known(), wish, signal);
    return { next: this.#state, safe: this.status().safe };
  }

  async #writeHead(
    record: Parameters<PublishParts["writeHead"]>[0],
    options: WriteOptions,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { kept, newer } = await this.#parts.swarm.writeRecord(record, options.code, signal);
    if (newer === undefined) return kept;
    // Somebody, or this machine before it was set back, published more: that view comes first.
    this.#state = undefined;
    throw new VolumeError(
      "HEAD_ROLLED_BACK",
      `this home's view ends at head ${record.number - 1n}, keepers have ${newer}`,
      { hint: "the newer view is taken over at the next command; then run this one again" },
    );
  }

  #warnUnsafe(report: Report): void {
    const { reasons } = this.status();
    report({
      event: "warning",
      code: "NOT_YET_SAFE",
      message: `not yet safe: ${reasons.join("; ")}`,
    });
  }

  #refuseRoot({ names }: VolumePath): void {
    if (names.length > 0) return;
    throw new VolumeError("PATH_KIND", "the root of a volume can be neither removed nor moved", {
      hint: "name what lies in it",
    });
  }

  #recoverAlone(signal: AbortSignal): Promise<VolumeState> {
    return this.#changes.run(async () => {
      const { code } = await this.#options(undefined, "full", NOTHING, signal);
      return this.#recovered(code, signal);
    });
  }
}
