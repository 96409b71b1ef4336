import { openDatabase } from "../../src/adapters/database.node.ts";
import type { MemoryBlobs } from "../../src/adapters/blobs-memory.ts";
import { idOf } from "../../src/base/id.ts";
import type { ShardId } from "../../src/base/id.ts";
import { epochOf } from "../../src/base/id.ts";
import { leafHashes, shardIdOf } from "../../src/crypto/hash.node.ts";
import { signingKeyOf } from "../../src/crypto/sign.node.ts";
import type { SigningKey } from "../../src/crypto/sign.node.ts";
import type { Blobs } from "../../src/ports/blobs.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Database } from "../../src/ports/database.ts";
import type { Asker, Holder, ShardReading } from "../../src/ports/holder.ts";
import { openHolder } from "../../src/shards/holder.ts";
import type { HolderStore } from "../../src/shards/holder.ts";
import { HOLDER_SCHEMA } from "../../src/shards/schema.ts";

export const holderKey = signingKeyOf(new Uint8Array(32).fill(1));
export const never = new AbortController().signal;

/** A peer and account that differ from those of other numbers. */
export function askerOf(number: number): Asker {
  return {
    peer: idOf(new Uint8Array(32).fill(number)),
    account: idOf(new Uint8Array(32).fill(100 + number)),
  };
}

/** The id of a shard's bytes. */
export function idOfShard(bytes: Uint8Array): ShardId {
  return idOf(shardIdOf(bytes.length, leafHashes(bytes)));
}

/** A clock that stands until it is moved; sleepers wake at the next turn of the event loop. */
export class StandingClock implements Clock {
  timeMs = Date.UTC(2026, 0, 2, 12);
  slept = 0;
  nowMs(): number {
    return this.timeMs;
  }
  monotonicMs(): number {
    return this.timeMs;
  }
  async sleep(_durationMs: number, signal: AbortSignal): Promise<void> {
    this.slept++;
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
  }
  today(): number {
    return epochOf(this.timeMs);
  }
}

/** Tickets of all holders of a test differ. */
let seed = 0;

export interface Fixture<B extends Blobs = MemoryBlobs> {
  holder: HolderStore;
  database: Database;
  blobs: B;
  clock: StandingClock;
  events: string[];
  space: { bytes: number };
}

/** A holder in memory, or over what is given. */
export function holderOf<B extends Blobs = MemoryBlobs>(parts: {
  blobs: B;
  database?: Database;
  clock?: StandingClock;
  spaceBytes?: number;
  key?: SigningKey;
}): Fixture<B> {
  const { blobs, clock = new StandingClock() } = parts;
  const database = parts.database ?? openDatabase(":memory:", { schema: HOLDER_SCHEMA });
  const space = { bytes: parts.spaceBytes ?? 2 ** 40 };
  const events: string[] = [];
  const holder = openHolder({
    database,
    blobs,
    clock,
    random: {
      bytes: (lengthBytes) => {
        const bytes = new Uint8Array(lengthBytes);
        new DataView(bytes.buffer).setUint32(0, ++seed);
        return bytes;
      },
    },
    key: parts.key ?? holderKey,
    spaceBytes: () => space.bytes,
    log: { write: (_level, event) => void events.push(event) },
  });
  return { holder, database, blobs, clock, events, space };
}

/** The bytes in blocks of one reused array. */
export async function* blocksOf(bytes: Uint8Array, block = 256 * 1024): AsyncIterable<Uint8Array> {
  const reused = new Uint8Array(block);
  for (let at = 0; at < bytes.length; at += block) {
    const part = bytes.subarray(at, at + block);
    reused.set(part);
    yield reused.subarray(0, part.length);
    reused.fill(0xee);
  }
}

/** A ticket for a shard; throws the refusal's code where there is none. */
export async function ticketFor(
  holder: Holder,
  asker: Asker,
  id: ShardId,
  lengthBytes: number,
  epoch: number,
): Promise<Uint8Array> {
  const [grant] = await holder.reserve(asker, [{ id, lengthBytes }], epoch);
  if (grant?.outcome === "granted") return grant.ticket;
  throw new Error(grant?.outcome === "refused" ? `${grant.code}: ${grant.message}` : "held");
}

/** Reserves and stores; resolves to the receipt, also where the shard is held already. */
export async function upload(
  { holder, clock }: { holder: Holder; clock: { today: () => number } },
  asker: Asker,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  const id = idOfShard(bytes);
  const wish = { id, lengthBytes: bytes.length };
  const [grant] = await holder.reserve(asker, [wish], clock.today());
  if (grant?.outcome === "held") return grant.receipt;
  if (grant?.outcome !== "granted") throw new Error(grant?.code ?? "no answer");
  return holder.store(asker, id, grant.ticket, blocksOf(bytes), never);
}

/** All bytes of a reading. */
export async function bytesOf(reading: ShardReading): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const block of reading.blocks) parts.push(block.slice());
  return new Uint8Array(Buffer.concat(parts));
}
