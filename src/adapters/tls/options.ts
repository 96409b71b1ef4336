import type { SigningKey } from "../../crypto/sign.node.ts";
import { KIB, SHARD_MAX_BYTES } from "../../base/limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Directory } from "../../ports/directory.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";

/** Deadlines of sessions. They run on the machine's own timers, never on the steerable clock: a
 * test that lets days pass must not cut every transfer. */
export interface SessionTimes {
  /** From dialling to a proven session. */
  connectMs: number;
  /** From accepting a connection to its whole knock, and again to its finished handshake. */
  handshakeMs: number;
  /** From the first byte of a request to the end of its headers. */
  headersMs: number;
  /** From the end of a request to the first byte of its answer. */
  answerMs: number;
  /** A body that does not move for so long is given up. */
  stallMs: number;
  /** A body that stays below `floorBytesPerSecond` for so long is given up. */
  floorWindowMs: number;
  floorBytesPerSecond: number;
  /** The dialler closes a session that was idle for so long; the other side waits twice as long. */
  idleMs: number;
  /** How long the rest of a body is thrown away after an early answer, so that the answer
   * arrives. */
  lingerMs: number;
}

/** Bounds of one peer's sessions. */
export interface SessionBounds {
  /** Connections that have not finished knock and handshake. */
  halfOpenMax: number;
  halfOpenPerAddressMax: number;
  /** Sessions accepted, in all and from one peer. */
  acceptedMax: number;
  acceptedPerPeerMax: number;
  /** Sessions dialled, in all and to one peer. */
  dialledMax: number;
  dialledPerPeerMax: number;
  /** Requests of one session that wait for their answer: more is a flood. */
  pipelinedMax: number;
  /** Longest request body. */
  bodyMaxBytes: number;
  headersMaxBytes: number;
}

export const SESSION_TIMES: SessionTimes = {
  connectMs: 5_000,
  handshakeMs: 5_000,
  headersMs: 10_000,
  answerMs: 30_000,
  stallMs: 15_000,
  floorWindowMs: 30_000,
  floorBytesPerSecond: 16 * KIB,
  idleMs: 30_000,
  lingerMs: 1_000,
};

export const SESSION_BOUNDS: SessionBounds = {
  halfOpenMax: 512,
  halfOpenPerAddressMax: 64,
  acceptedMax: 512,
  acceptedPerPeerMax: 16,
  dialledMax: 384,
  dialledPerPeerMax: 6,
  pipelinedMax: 16,
  bodyMaxBytes: SHARD_MAX_BYTES,
  headersMaxBytes: 16 * KIB,
};

/** What `openTlsNet` needs. */
export interface TlsNetOptions {
  /** The peer key: its public half is who we are. */
  key: SigningKey;
  /** 32 bytes; whoever does not know them gets no byte from us. */
  swarmKey: Uint8Array;
  /** Where peers can be reached. */
  directory: Directory;
  clock: Clock;
  random: Random;
  log: Log;
  /** TCP port to listen on; 0 (the default) lets the system choose. */
  port?: number;
  /** Address to listen on; every IPv4 and IPv6 address by default. */
  host?: string;
  times?: Partial<SessionTimes>;
  bounds?: Partial<SessionBounds>;
}
