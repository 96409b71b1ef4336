import { createHash, randomBytes } from "node:crypto";
import { MemoryClock } from "../../src/adapters/clock-memory.ts";
import { createMemoryNetwork, type MemoryNetwork } from "../../src/adapters/net-memory.ts";
import { idOf, type PeerId, type ShardId } from "../../src/base/id.ts";
import { signingKeyOf, type SigningKey } from "../../src/crypto/sign.node.ts";
import { signCertificate } from "../../src/object/certificate.ts";
import type { Inventory } from "../../src/ports/inventory.ts";
import type { Net, PeerHandler, PeerStream } from "../../src/ports/net.ts";
import { signCard } from "../../src/swarm/card-book.ts";
import type { AgentSelf } from "../../src/swarm/tracker/agent.ts";
import { createTrackerDirectory } from "../../src/swarm/tracker/directory.ts";
import type { TrackerDirectory } from "../../src/swarm/tracker/directory.ts";
import { runAgent, type RunningAgent } from "../../src/swarm/tracker/run-agent.ts";
import { openTracker, type Tracker } from "../../src/swarm/tracker/tracker.ts";

export const never = new AbortController().signal;
export const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) };
export const silent = { write: () => undefined };
/** The account of every client. */
const ROOT = keyNamed("root");
export const ACCOUNT = idOf(ROOT.publicKey);

/** The signing key of a name. */
export function keyNamed(name: string): SigningKey {
  return signingKeyOf(new Uint8Array(createHash("sha256").update(name).digest()));
}

/** The peer id of a name. */
export function peerNamed(name: string): PeerId {
  return idOf(keyNamed(name).publicKey);
}

/** An id that is a hash, as shards' ids are. */
export function hashNamed(name: string): ShardId {
  return idOf(createHash("sha256").update(name).digest());
}

/** The device certificate of the peer of a name. */
export function certificateOf(name: string): Uint8Array {
  const agreementKey = new Uint8Array(32);
  const peer = peerNamed(name);
  return signCertificate(ROOT, { account: ACCOUNT, peer, agreementKey, name: "test", number: 1 });
}

/** An inventory whose shards a test takes in and out. */
export class MemoryInventory implements Inventory {
  readonly #rows: ShardId[] = [];
  readonly #held = new Set<ShardId>();

  constructor(names: readonly string[] = []) {
    this.add(...names);
  }

  add(...names: readonly string[]): void {
    for (const id of names.map(hashNamed)) {
      this.#rows.push(id);
      this.#held.add(id);
    }
  }

  remove(name: string): void {
    this.#held.delete(hashNamed(name));
  }

  holds(id: ShardId): boolean {
    return this.#held.has(id);
  }

  heldShards(): number {
    return this.#held.size;
  }

  page(after: number, limit: number): { ids: ShardId[]; last: number } {
    const rows = this.#rows.slice(after, after + limit);
    return { ids: rows.filter((id) => this.#held.has(id)), last: after + rows.length };
  }
}

/** Trackers, agents and clients on one in-memory network whose time a test owns. */
export class TrackerScene {
  readonly clock = new MemoryClock();
  readonly network: MemoryNetwork = createMemoryNetwork(this.clock);
  readonly #closing: (() => Promise<void> | void)[] = [];

  net(name: string): Net {
    return this.network.net(peerNamed(name));
  }

  async tracker(
    name = "tracker",
    handler?: PeerHandler,
    local?: AgentSelf,
  ): Promise<Tracker & { stop(): Promise<void> }> {
    const self = peerNamed(name);
    const { clock } = this;
    const own = local === undefined ? {} : { local };
    const tracker = openTracker({ self, clock, random, log: silent, ...own });
    const net = this.net(name);
    await net.listen(handler ?? tracker.handle, tracker.streams);
    const stop = async (): Promise<void> => {
      tracker.close();
      await net.close();
    };
    this.#closing.push(stop);
    return Object.assign(tracker, { stop });
  }

  self(name: string, inventory: Inventory, more: Partial<AgentSelf> & CardWish = {}): AgentSelf {
    const key = keyNamed(name);
    const { addresses = [], site, ...rest } = more;
    const card = { id: peerNamed(name), addresses, offeredBytes: 1, protocol: 1 } as const;
    const where = site === undefined ? {} : { site };
    const signed = signCard(key, { ...card, timeMs: this.clock.nowMs(), ...where });
    return {
      card: () => signed,
      freeBytes: () => 1_000_000,
      inventory,
      introduce: () => Promise.resolve({ code: "SPACE_FULL" }),
      ...rest,
    };
  }

  /** Runs an agent; it speaks to the trackers of these names. */
  agent(
    name: string,
    inventory: Inventory,
    more: Partial<AgentSelf> & CardWish & { trackers?: () => string[] } = {},
  ): RunningAgent {
    const { trackers = () => ["tracker"], ...rest } = more;
    const running = runAgent({
      net: this.net(name),
      self: peerNamed(name),
      trackers: () => trackers().map(peerNamed),
      agent: this.self(name, inventory, rest),
      clock: this.clock,
      random,
      log: silent,
    });
    this.#closing.push(() => running.close());
    return running;
  }

  /** A stream to a tracker on which a test speaks for itself. */
  async rawAgent(name: string, tracker = "tracker"): Promise<RawAgent> {
    const stream = await this.net(name).open(peerNamed(tracker), "/api/agent", never);
    return new RawAgent(stream, this.self(name, new MemoryInventory()).card());
  }

  client(name = "client", trackers: readonly string[] = ["tracker"]): TrackerDirectory {
    return createTrackerDirectory({
      net: this.net(name),
      clock: this.clock,
      trackers: () => trackers.map(peerNamed),
      self: peerNamed(name),
      account: ACCOUNT,
      certificate: certificateOf(name),
    });
  }

  /** Lets so much time pass that what was begun is done. */
  settle(): Promise<void> {
    return this.clock.advance(100);
  }

  async close(): Promise<void> {
    for (const close of this.#closing.reverse()) await close();
  }
}

interface CardWish {
  addresses?: readonly string[];
  site?: string;
}

/** One end of a dialogue, for tests that lie. */
export class RawAgent {
  readonly stream: PeerStream;
  /** The signed card that an honest agent would show. */
  readonly card: Uint8Array;
  /** Every line that the other side said. */
  readonly heard: string[] = [];
  isOver = false;

  constructor(stream: PeerStream, card: Uint8Array) {
    this.stream = stream;
    this.card = card;
    void this.#listen();
  }

  async say(...lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      await this.stream.write(Buffer.from(`${line}\n`, "latin1")).catch(() => undefined);
    }
  }

  /** Says what an honest agent says first, with a filter that has all these shards. */
  async present(freeBytes = 0, bytes = 64, shards: readonly string[] = []): Promise<void> {
    const { ShardFilter } = await import("../../src/swarm/tracker/filter.ts");
    const filter = new ShardFilter(new Uint8Array(bytes));
    for (const name of shards) filter.add(hashNamed(name));
    await this.say(
      `CARD ${Buffer.from(this.card).toString("base64url")}`,
      `OFFER ${freeBytes}`,
      `FILTER ${bytes} ${shards.length}`,
      `PART ${Buffer.from(filter.bytes).toString("base64url")}`,
    );
  }

  async #listen(): Promise<void> {
    let text = "";
    try {
      for await (const piece of this.stream.incoming) {
        text += Buffer.from(piece).toString("latin1");
        const lines = text.split("\n");
        text = lines.pop() ?? "";
        this.heard.push(...lines);
      }
    } catch {
      // The test looks at `isOver`.
    }
    this.isOver = true;
  }
}

/** Runs `work` with a scene that is closed afterwards. */
export async function withTrackers(work: (scene: TrackerScene) => Promise<void>): Promise<void> {
  const scene = new TrackerScene();
  try {
    await work(scene);
  } finally {
    await scene.close();
  }
}
