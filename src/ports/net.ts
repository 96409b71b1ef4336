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

/** How a session runs, the better one first. */
export type CarrierKind = "direct" | "punched" | "relayed";

/** What the other side of a session has shown of the swarm's key: the newest, the one before (it
 * may fetch the new one), or that of an invitation's lobby (it may ask to be admitted). */
export type Standing = "member" | "former" | "guest";

/** What a handler sees: who asks is proven by the session. */
export interface IncomingRequest {
  peer: PeerId;
  standing: Standing;
  carrier: CarrierKind;
  /** `host:port` where the other side was seen; undefined where that is a relay's. */
  address?: string;
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

/** A two-way stream of bytes between two peers, as private as their session. */
export interface PeerStream {
  readonly peer: PeerId;
  /** Pieces as they come, until the other side ends; pulling is the back-pressure. A piece is
   * valid until the next is pulled. Throws when the session breaks. */
  readonly incoming: AsyncIterable<Uint8Array>;
  /** Resolves when there is room for more; the bytes must not change until then. */
  write(bytes: Uint8Array): Promise<void>;
  /** Sends what is left, then our end. */
  end(): void;
  destroy(): void;
  /** Resolves when the stream is over, however it ended. */
  readonly closed: Promise<void>;
}

/** Decides about a stream that a peer wants to open: an answer refuses it, a function takes it. */
export type StreamHandler = (
  request: Omit<IncomingRequest, "body" | "lengthBytes">,
) => Promise<OutgoingResponse | ((stream: PeerStream) => void)>;

/** Sessions between peers: every byte encrypted, both ends proven by their peer key.
 * @throws NetError PEER_UNKNOWN | PEER_UNREACHABLE | PEER_IMPOSTOR | PEER_TIMEOUT |
 * PEER_BROKE_PROTOCOL */
export interface Net {
  /** Sends one request over a pooled session and waits for the answer. */
  request(peer: PeerId, request: PeerRequest, signal: AbortSignal): Promise<PeerResponse>;
  /** Opens a stream on a direct session of its own, with the peer's consent.
   * @throws NetError PEER_REFUSED too, with the peer's own code in the message */
  open(peer: PeerId, path: string, signal: AbortSignal): Promise<PeerStream>;
  /** Serves other peers; without `streams` every stream is refused. Resolves when it is
   * listening. */
  listen(handler: PeerHandler, streams?: StreamHandler): Promise<{ port: number }>;
  /** The carrier over which `peer` is asked now, else that over which it asks us; undefined: no
   * session is open. */
  carrierOf(peer: PeerId): CarrierKind | undefined;
  close(): Promise<void>;
}
