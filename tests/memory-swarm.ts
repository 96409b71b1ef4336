import assert from "node:assert/strict";
import { concatBytes } from "../src/base/bytes.ts";
import type { PeerId, ShardId } from "../src/base/id.ts";
import { idOf } from "../src/base/id.ts";
import type { Stripe } from "../src/codec/stripe.ts";
import { leafHashes, shardIdOf } from "../src/crypto/hash.node.ts";
import type { RecordEntry } from "../src/codec/record.ts";
import type { ShardWish, TicketGrant } from "../src/ports/holder.ts";
import type { VolumeSwarm } from "../src/volume/swarm.ts";
import { noise } from "./noise.ts";

interface MemoryHolder {
  shards: Map<ShardId, Uint8Array>;
  /** Shards that it still takes. */
  room: number;
  isDown: boolean;
}

/** Holders and record keepers in memory. Holders check what they take against its id. */
export class MemorySwarm implements VolumeSwarm {
  readonly holders = new Map<PeerId, MemoryHolder>();
  readonly records = new Map<string, RecordEntry>();

  constructor(count: number) {
    this.join(count);
  }

  /** Adds holders.
   * @returns their ids */
  join(count: number): PeerId[] {
    const joined = Array.from({ length: count }, (_, at) =>
      idOf(noise(32, 777_000 + this.holders.size + at)),
    );
    for (const peer of joined) {
      this.holders.set(peer, { shards: new Map(), room: Infinity, isDown: false });
    }
    return joined;
  }

  /** The ids of all holders, whether they are there or not. */
  get peers(): PeerId[] {
    return [...this.holders.keys()];
  }

  /** How many shards lie at holders, copies counted each. */
  get shardCount(): number {
    return [...this.holders.values()].reduce((sum, { shards }) => sum + shards.size, 0);
  }

  /** A stripe's pack from the data shards that its holders have. */
  packOf({ k, packBytes, shards }: Stripe): Uint8Array {
    const parts = shards.slice(0, k).map(({ id, holder }) => {
      const bytes = this.holders.get(holder ?? "")?.shards.get(id);
      assert.ok(bytes !== undefined, "a holder has what the index says");
      return bytes;
    });
    return concatBytes(...parts).subarray(0, packBytes);
  }

  async usableHolders(): Promise<readonly PeerId[]> {
    return this.peers.filter((peer) => this.holders.get(peer)?.isDown === false);
  }

  /** By the ids and the peers alone. */
  rank(shards: readonly ShardId[], holders: readonly PeerId[]): readonly PeerId[] {
    const place = (peer: PeerId): string => `${shards[0]?.charAt(0) === peer.charAt(0)}${peer}`;
    return holders.toSorted((a, b) => (place(a) < place(b) ? -1 : 1));
  }

  peerCounts(): { known: number; usable: number } {
    return { known: this.holders.size, usable: this.holders.size };
  }

  hopefulPeers(): readonly PeerId[] {
    return this.peers.filter((peer) => this.holders.get(peer)?.isDown === false);
  }

  async reserve(peer: PeerId, wishes: readonly ShardWish[]): Promise<readonly TicketGrant[]> {
    const holder = this.#reach(peer);
    return wishes.map(({ id }): TicketGrant => {
      if (holder.shards.has(id)) return { id, outcome: "held", receipt: new Uint8Array() };
      if (holder.room > 0) return { id, outcome: "granted", ticket: new Uint8Array() };
      return { id, outcome: "refused", code: "FULL", message: "no space" };
    });
  }

  async storeShard(peer: PeerId, id: ShardId, _: Uint8Array, bytes: Uint8Array): Promise<void> {
    const holder = this.#reach(peer);
    assert.equal(idOf(shardIdOf(bytes.length, leafHashes(bytes))), id, "bytes are what they say");
    holder.room--;
    holder.shards.set(id, bytes.slice());
  }

  async writeRecord(record: RecordEntry): Promise<{ kept: boolean; newer?: bigint }> {
    const before = this.records.get(record.key);
    if (before !== undefined && before.number > record.number) {
      return { kept: false, newer: before.number };
    }
    this.records.set(record.key, record);
    return { kept: true };
  }

  async readRecord(
    key: string,
  ): Promise<{ record?: RecordEntry; answered: number; asked: number }> {
    const record = this.records.get(key);
    const asked = this.holders.size;
    return { ...(record === undefined ? {} : { record }), answered: asked, asked };
  }

  #reach(peer: PeerId): MemoryHolder {
    const holder = this.holders.get(peer);
    if (holder === undefined || holder.isDown) throw new Error("unreachable");
    return holder;
  }
}
