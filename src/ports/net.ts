import type { PeerId } from "../base/id.ts";

/** A request to a peer, or from one. HTTP/1.1, GET and POST only; header names are lower case. */
export interface PeerRequest {
  method: "GET" | "POST";
  /** Path with query, ASCII. */
  path: string;
  headers?: Readonly<Record<string, string>>;
  /** A whole body, or blocks of one with `content-length` in the headers. */
  body?: Uint8Array | AsyncIterable<Uint8Array>;
  /** Where the answer's body goes if its status is 200 or 206: no copy is made beyond it.
   * An answer longer than this is refused. Without it the body is collected, up to
   * `bodyMaxBytes`. */
  into?: Uint8Array;
  bodyMaxBytes?: number;
}

export interface PeerResponse {
  status: number;
  headers: Readonly<Record<string, string>>;
  /** The whole body; `into.subarray(0, length)` where `into` was given and used. */
  body: Uint8Array;
}

/** What a handler sees: who asks is proven by the session. */
export interface IncomingRequest {
  peer: PeerId;
  method: "GET" | "POST";
  path: string;
  query: URLSearchParams;
  headers: Readonly<Record<string, string>>;
  /** From content-length; undefined where there is none. */
  lengthBytes: number | undefined;
  /** Blocks of exactly BLOCK_BYTES, the last one shorter. A block is valid until the next is
   * pulled. */
  body: AsyncIterable<Uint8Array>;
  signal: AbortSignal;
}

export interface OutgoingResponse {
  status: number;
  headers?: Readonly<Record<string, string>>;
  /** Blocks need `content-length` in the headers. */
  body?: Uint8Array | AsyncIterable<Uint8Array>;
}

export type PeerHandler = (request: IncomingRequest) => Promise<OutgoingResponse>;

/** Sessions between peers: every byte encrypted, both ends proven by their peer key.
 * @throws NetError PEER_UNKNOWN | PEER_UNREACHABLE | PEER_IMPOSTOR | PEER_TIMEOUT |
 * PEER_BROKE_PROTOCOL */
export interface Net {
  /** Sends one request over a pooled session and waits for the answer. */
  request(peer: PeerId, request: PeerRequest, signal: AbortSignal): Promise<PeerResponse>;
  /** Serves `handler` to other peers. Resolves when it is listening. */
  listen(handler: PeerHandler): Promise<{ port: number }>;
  close(): Promise<void>;
}
