import { utf8 } from "../../base/bytes.ts";
import { parseId, type Id, type PeerId } from "../../base/id.ts";
import { REQUEST_BODY_MAX_BYTES } from "../../base/limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Holder } from "../../ports/holder.ts";
import type { IncomingRequest, OutgoingResponse } from "../../ports/net.ts";
import type { Askers } from "../asker.ts";
import type { DialBack } from "../dial-back.ts";
import { SwarmError } from "../error.ts";
import type { Membership } from "../membership/membership.ts";
import type { RecordStore } from "../records.ts";

/** What a peer says of itself in `/v1/hello`. */
export interface Hello {
  /** Of the peer protocol. */
  protocol: number;
  /** Of the program. */
  version: string;
  /** Bytes offered to others. */
  offeredBytes: number;
  /** Of them, not yet taken. */
  freeBytes: number;
  /** Its clock, milliseconds since 1970; older peers do not say it. */
  timeMs?: number;
}

/** What the routes serve from. */
export interface PeerServices {
  holder: Holder;
  records: RecordStore;
  clock: Clock;
  askers: Askers;
  hello: () => Hello;
  /** Signed cards for `/v1/peers`, our own first; at most PEERS_PAGE_MAX are sent. */
  cards: () => readonly Uint8Array[];
  /** Takes in the card that a peer pushes; without it, none is. */
  takeCard?: (peer: PeerId, card: Uint8Array) => void;
  /** Without it nobody is dialled back. */
  dialBack?: DialBack;
  /** Without it nobody is admitted here. */
  membership?: Membership;
}

/** Answers one method of one path. `id` is the path's last part where the route has one. */
export type Route = (
  services: PeerServices,
  request: IncomingRequest,
  id: Id,
) => Promise<OutgoingResponse> | OutgoingResponse;

export const CBOR: Readonly<Record<string, string>> = { "content-type": "application/cbor" };

/** A JSON answer. */
export function jsonAnswer(status: number, value: unknown): OutgoingResponse {
  return {
    status,
    headers: { "content-type": "application/json" },
    body: utf8(JSON.stringify(value)),
  };
}

/** Collects a whole body.
 * @throws SwarmError LENGTH_REQUIRED | BODY_TOO_LARGE */
export async function readBody(
  request: IncomingRequest,
  maxBytes: number = REQUEST_BODY_MAX_BYTES,
): Promise<Uint8Array> {
  const { lengthBytes } = request;
  if (lengthBytes === undefined) {
    throw new SwarmError("LENGTH_REQUIRED", "a post needs its content-length");
  }
  if (lengthBytes > maxBytes) {
    const text = `a body of ${lengthBytes} bytes, at most ${maxBytes} are taken here`;
    throw new SwarmError("BODY_TOO_LARGE", text);
  }
  const body = new Uint8Array(lengthBytes);
  let at = 0;
  for await (const block of request.body) {
    body.set(block, at);
    at += block.length;
  }
  return body;
}

/** A number of the query, or its default.
 * @throws SwarmError REQUEST_MALFORMED */
export function queryCount(request: IncomingRequest, name: string, max: number): number {
  const text = request.query.get(name);
  if (text === null) return max;
  if (!/^[0-9]{1,9}$/.test(text)) {
    throw new SwarmError("REQUEST_MALFORMED", `${name} is not a number`);
  }
  return Math.min(Number(text), max);
}

/** An id of the query, or undefined where it is not there.
 * @throws SwarmError REQUEST_MALFORMED */
export function queryId(request: IncomingRequest, name: string): Id | undefined {
  const text = request.query.get(name);
  if (text === null) return undefined;
  if (parseId(text) === undefined) {
    throw new SwarmError("REQUEST_MALFORMED", `${name} is not an id`);
  }
  return text;
}
