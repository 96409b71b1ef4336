import { base64UrlDecode } from "../../base/base64url.ts";
import { LEAF_BYTES, SHARD_MAX_BYTES, SIGNED_HEADER_MAX_CHARS } from "../../base/limits.ts";
import type { ShardReading } from "../../ports/holder.ts";
import type { IncomingRequest, OutgoingResponse } from "../../ports/net.ts";
import { SwarmError } from "../error.ts";
import type { Route } from "./route.ts";

/** The request header that carries a ticket. */
export const TICKET_HEADER = "holdfast-ticket";
const BYTES: Readonly<Record<string, string>> = { "content-type": "application/octet-stream" };

/** `POST /v1/shards/<id>`: stores a shard; 201 with the receipt once it is durable. */
export const postShard: Route = async ({ holder, askers }, request, id) => {
  const asker = askers.askerOf(request);
  const text = request.headers[TICKET_HEADER] ?? "";
  const ticket = text.length <= SIGNED_HEADER_MAX_CHARS ? base64UrlDecode(text) : undefined;
  if (ticket === undefined || ticket.length === 0) {
    throw new SwarmError("REQUEST_MALFORMED", `shard ${id}: the ticket is missing or malformed`);
  }
  const receipt = await holder.store(asker, id, ticket, request.body, request.signal);
  return { status: 201, headers: BYTES, body: receipt };
};

/** `GET /v1/shards/<id>`: bytes of a shard; with `?proof=1` widened to leaves and proven. */
export const getShard: Route = async ({ holder, askers }, request, id) => {
  const asker = askers.askerOf(request);
  const range = rangeOf(request);
  const proof = request.query.get("proof") === "1";
  if (range === undefined && !proof) {
    const reading = await holder.read(asker, id);
    return bytesAnswer(200, {}, reading, reading.lengthBytes);
  }
  const wanted = range ?? { start: 0, end: SHARD_MAX_BYTES };
  const reading = await holder.read(asker, id, { ...wanted, proof });
  const { lengthBytes } = reading;
  const start = wanted.start;
  const end = Math.min(wanted.end, lengthBytes);
  if (start >= end) {
    const text = `shard ${id}: bytes from ${start} on of ${lengthBytes}`;
    throw new SwarmError("RANGE_UNSATISFIABLE", text);
  }
  if (proof) return proofAnswer(reading, start, end);
  const headers = { "content-range": `bytes ${start}-${end - 1}/${lengthBytes}` };
  return bytesAnswer(206, headers, reading, end - start);
};

/** The range asked for, half open. Forms that HTTP lets a server pass over (several ranges, a
 * suffix) are passed over.
 * @throws SwarmError RANGE_UNSATISFIABLE */
function rangeOf(request: IncomingRequest): { start: number; end: number } | undefined {
  const match = /^bytes=([0-9]{1,12})-([0-9]{0,12})$/.exec(request.headers["range"] ?? "");
  if (match === null) return undefined;
  const start = Number(match[1]);
  const end = match[2] === "" ? SHARD_MAX_BYTES : Math.min(Number(match[2]) + 1, SHARD_MAX_BYTES);
  if (start >= end) {
    throw new SwarmError("RANGE_UNSATISFIABLE", `bytes from ${start} to ${end} are no range`);
  }
  return { start, end };
}

async function bytesAnswer(
  status: number,
  headers: Record<string, string>,
  reading: ShardReading,
  lengthBytes: number,
): Promise<OutgoingResponse> {
  const body = await begun(reading.blocks);
  return { status, headers: { ...BYTES, ...headers, "content-length": String(lengthBytes) }, body };
}

/** `u64 length ‖ leaf hashes ‖ leaves`. */
async function proofAnswer(
  reading: ShardReading,
  start: number,
  end: number,
): Promise<OutgoingResponse> {
  const { lengthBytes, leafHashes } = reading;
  const first = Math.floor(start / LEAF_BYTES) * LEAF_BYTES;
  const last = Math.min(Math.ceil(end / LEAF_BYTES) * LEAF_BYTES, lengthBytes);
  const head = new Uint8Array(8 + leafHashes.length);
  new DataView(head.buffer).setBigUint64(0, BigInt(lengthBytes), true);
  head.set(leafHashes, 8);
  const length = { "content-length": String(head.length + last - first) };
  const body = chained(head, await begun(reading.blocks));
  return { status: 200, headers: { ...BYTES, ...length }, body };
}

async function* chained(
  head: Uint8Array,
  blocks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield head;
  yield* blocks;
}

/** Pulls the first block before the answer begins: a shard that turns out to be damaged there still
 * gets a coded answer instead of a closed session. */
async function begun(blocks: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = blocks[Symbol.asyncIterator]();
  let first: IteratorResult<Uint8Array, unknown> | undefined = await iterator.next();
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        const result = first ?? (await iterator.next());
        first = undefined;
        return result;
      },
      async return() {
        await iterator.return?.();
        return { done: true, value: undefined };
      },
    }),
  };
}
