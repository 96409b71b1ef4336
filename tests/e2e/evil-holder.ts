// A holder that speaks the real protocol and misbehaves: a real shard store behind a handler that
// spoils what it answers.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as timer } from "node:timers/promises";
import { decodeKeyFile } from "../../src/account/key-file.ts";
import { MemoryBlobs } from "../../src/adapters/blobs-memory.ts";
import { systemClock } from "../../src/adapters/clock.node.ts";
import { openDatabase } from "../../src/adapters/database.node.ts";
import { openTlsNet } from "../../src/adapters/tls/net.ts";
import { concatBytes, utf8 } from "../../src/base/bytes.ts";
import { idOf } from "../../src/base/id.ts";
import { signingKeyOf } from "../../src/crypto/sign.node.ts";
import type { IncomingRequest, OutgoingResponse, PeerHandler } from "../../src/ports/net.ts";
import { openHolder } from "../../src/shards/holder.ts";
import { HOLDER_SCHEMA } from "../../src/shards/schema.ts";
import { createMemoryDirectory } from "../../src/swarm/peer-list.ts";
import { openRecordStore } from "../../src/swarm/records.ts";
import { createPeerHandler } from "../../src/swarm/server.ts";
import { introduce } from "./harness.ts";
import type { TestPeer } from "./harness.ts";
import { fixedSwarmKeys } from "../../src/ports/swarm-keys.ts";

/** What an evil holder does to shards that it is asked for, and to wishes. */
export type Mood =
  | "good"
  | "flips"
  | "truncates"
  | "breaks-off"
  | "swaps"
  | "oversizes"
  | "endless"
  | "trickles"
  | "forgets"
  | "garbage"
  | "silent"
  | "refuses";

/** An evil holder that is served. */
export interface EvilHolder {
  id: string;
  mood: Mood;
  /** How often it spoiled an answer. */
  spoiled: number;
  close(): Promise<void>;
}

const OFFERED_BYTES = 2 ** 31;

/** Opens an evil holder in the swarm of `owner`, who is told where it is. */
export async function openEvilHolder(owner: TestPeer, mood: Mood): Promise<EvilHolder> {
  const key = signingKeyOf(new Uint8Array(randomBytes(32)));
  const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) };
  const log = { write: () => undefined };
  const clock = systemClock;
  const file = readFileSync(join(owner.home, "keys", "swarm.key"));
  const swarmKeys = fixedSwarmKeys(decodeKeyFile("swarm.key", file, 32));
  const directory = createMemoryDirectory();
  const net = openTlsNet({ key, swarmKeys, directory, clock, random, log, host: "127.0.0.1" });
  const database = openDatabase(":memory:", { schema: HOLDER_SCHEMA });
  const blobs = new MemoryBlobs();
  const spaceBytes = (): number => OFFERED_BYTES;
  const holder = openHolder({ database, blobs, clock, random, key, spaceBytes, log });
  const honest = createPeerHandler({
    holder,
    records: openRecordStore(database, clock),
    clock,
    log,
    hello: () => ({ protocol: 1, version: "0", offeredBytes: OFFERED_BYTES, freeBytes: 2 ** 30 }),
    cards: () => [],
  });
  const id = idOf(key.publicKey);
  const evil: EvilHolder = {
    id,
    mood,
    spoiled: 0,
    async close() {
      await net.close();
      await holder.close();
      database.close();
    },
  };
  const { port } = await net.listen(spoiling(evil, honest));
  await introduce(owner, { id, home: "", port });
  return evil;
}

function spoiling(evil: EvilHolder, honest: PeerHandler): PeerHandler {
  let before: Uint8Array = new Uint8Array();
  return async (request) => {
    const { path, method } = request;
    if (path.startsWith("/v1/tickets")) return spoilTickets(evil, request, honest);
    const answer = await honest(request);
    if (method !== "GET" || !path.startsWith("/v1/shards/") || answer.status >= 300) return answer;
    const body = await bytesOf(answer);
    const other = before;
    before = body;
    if (evil.mood === "good") return answerOf(answer, body);
    evil.spoiled++;
    return spoil(evil.mood, answer, body, other, request.signal);
  };
}

async function spoilTickets(
  { mood }: EvilHolder,
  request: IncomingRequest,
  honest: PeerHandler,
): Promise<OutgoingResponse> {
  if (mood === "silent") {
    await timer(600_000, undefined, { signal: request.signal, ref: false });
  }
  if (mood === "garbage") return { status: 200, body: new Uint8Array(randomBytes(3_000)) };
  if (mood === "refuses") {
    const body = utf8(JSON.stringify({ code: "\u001b[31mNO", message: "\u001b]0;owned\u0007" }));
    return { status: 507, body };
  }
  return honest(request);
}

function spoil(
  mood: Mood,
  answer: OutgoingResponse,
  body: Uint8Array,
  other: Uint8Array,
  signal: AbortSignal,
): OutgoingResponse {
  switch (mood) {
    case "flips": {
      const flipped = Uint8Array.from(body);
      flipped[flipped.length >>> 1] = (flipped[flipped.length >>> 1] ?? 0) ^ 4;
      return answerOf(answer, flipped);
    }
    case "truncates":
      return answerOf(answer, body.subarray(0, body.length >>> 1));
    case "breaks-off":
      return streamed(answer, body.length, brokenOff(body));
    case "swaps":
      return answerOf(answer, other.length === body.length ? other : new Uint8Array(body.length));
    case "oversizes":
      return answerOf(answer, concatBytes(body, body));
    case "endless":
      return streamed(answer, 2 ** 40, endless());
    case "trickles":
      return streamed(answer, body.length, trickle(body, signal));
    case "forgets": {
      const missing = { code: "SHARD_MISSING", message: "there is no such shard" };
      return { status: 404, body: utf8(JSON.stringify(missing)) };
    }
    default:
      return answerOf(answer, new Uint8Array(randomBytes(body.length)));
  }
}

function answerOf(answer: OutgoingResponse, body: Uint8Array): OutgoingResponse {
  return { ...answer, headers: { ...answer.headers, "content-length": String(body.length) }, body };
}

function streamed(
  answer: OutgoingResponse,
  lengthBytes: number,
  body: AsyncIterable<Uint8Array>,
): OutgoingResponse {
  return { ...answer, headers: { ...answer.headers, "content-length": String(lengthBytes) }, body };
}

async function* brokenOff(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body.subarray(0, body.length >>> 1);
  throw new Error("broken off");
}

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield new Uint8Array(65_536);
}

async function* trickle(body: Uint8Array, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.length; at++) {
    yield body.slice(at, at + 1);
    await timer(1_000, undefined, { signal, ref: false });
  }
}

async function bytesOf({ body }: OutgoingResponse): Promise<Uint8Array> {
  if (body === undefined || body instanceof Uint8Array) return body ?? new Uint8Array();
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part.slice());
  return concatBytes(...parts);
}
