import { KIB, SHARD_MAX_BYTES } from "../../base/limits.ts";

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
  /** The same for the last session to a peer that is not reached directly. */
  quietIdleMs: number;
  /** A dial that has not led to a session by any carrier after so long has failed. */
  dialMs: number;
  /** After so long the next best carrier is tried beside those that are still under way. */
  punchAfterMs: number;
  relayAfterMs: number;
  /** How long after opening a session over a worse carrier the better ones are tried again; doubled
   * with every failure up to `betterMaxMs`. */
  betterMs: number;
  betterMaxMs: number;
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
  /** Sessions that have become streams, in all and from one peer; they count no more as
   * accepted. */
  streamsMax: number;
  streamsPerPeerMax: number;
  /** Sessions dialled, in all and to one peer. */
  dialledMax: number;
  dialledPerPeerMax: number;
  /** Peers whose last good carrier is remembered. */
  rememberedMax: number;
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
  quietIdleMs: 300_000,
  dialMs: 20_000,
  punchAfterMs: 250,
  relayAfterMs: 1_250,
  betterMs: 1_000,
  betterMaxMs: 300_000,
  lingerMs: 1_000,
};

export const SESSION_BOUNDS: SessionBounds = {
  halfOpenMax: 512,
  halfOpenPerAddressMax: 64,
  acceptedMax: 512,
  acceptedPerPeerMax: 16,
  streamsMax: 4_096,
  streamsPerPeerMax: 64,
  dialledMax: 384,
  dialledPerPeerMax: 6,
  rememberedMax: 1_024,
  pipelinedMax: 16,
  bodyMaxBytes: SHARD_MAX_BYTES,
  headersMaxBytes: 16 * KIB,
};
