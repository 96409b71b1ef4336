import { MIB } from "../../base/limits.ts";

/** What a relay gives to the swarm. */
export interface RelayLimits {
  /** Spliced streams at once: in all, with one peer at either end, and between two peers. */
  streamsMax: number;
  streamsPerPeerMax: number;
  streamsPerPairMax: number;
  /** Homes that wait here to be reached. */
  waitingMax: number;
  /** Of all streams with one peer at either end, both directions together. */
  bytesPerSecondPerPeer: number;
  /** Of all streams, in one UTC day; undefined: no bound. */
  bytesPerDayMax: number | undefined;
  /** How long a home may take to fetch a stream, and its dialler to take it over. */
  takeMs: number;
  /** A stream on which nothing moves for so long is ended. Longer than sessions may be idle. */
  idleMs: number;
  /** Pairs of peers whose bytes are remembered; the one that was idle longest is forgotten. */
  usagePairsMax: number;
}

/** What a relay gives unless it is told otherwise. */
export const RELAY_LIMITS: RelayLimits = {
  streamsMax: 256,
  streamsPerPeerMax: 32,
  streamsPerPairMax: 8,
  waitingMax: 256,
  bytesPerSecondPerPeer: 16 * MIB,
  bytesPerDayMax: undefined,
  takeMs: 5_000,
  idleMs: 120_000,
  usagePairsMax: 4_096,
};

/** Relays that a home which cannot be reached waits at. */
export const RELAY_WAITS = 2;
/** Relays that a dialler asks before it gives up. */
export const RELAY_TRIES = 3;
/** Relays that a home or dialler considers, the best ranked of those it knows. */
export const RELAY_CANDIDATES_MAX = 64;
/** How long one relay may take to lead a dialler to a proven session. */
export const RELAY_DIAL_MS = 10_000;
/** Streams that a home fetches at once. */
export const RELAY_TAKES_MAX = 16;
/** How long a home waits before it comes again to a relay that failed, and at most. */
export const RELAY_RETRY_MIN_MS = 1_000;
export const RELAY_RETRY_MAX_MS = 5 * 60_000;
/** A relay that a home could wait at for so long has not failed. */
export const RELAY_STEADY_MS = 60_000;
/** How often a home without enough relays looks for new ones. */
export const RELAY_LOOK_MS = 1_000;
/** A relay that a dialler could not reach is asked after the others for so long. */
export const RELAY_SHUN_MS = 60_000;
/** Peers whose last good relay is remembered. */
export const RELAY_GOOD_MAX = 1_024;

/** How often each side of a waiting stream says PING. Routers at home forget a connection that is
 * silent for a few minutes, some after one. */
export const LINE_PING_MS = 20_000;
/** A waiting stream on which nothing came for so long is dead. */
export const LINE_SILENCE_MS = 50_000;
/** Characters of one line. */
export const LINE_MAX_CHARS = 128;
/** Lines that one side takes between two of its own PINGs: more is a flood. */
export const LINES_PER_PING_MAX = 512;
/** What waits to be written to a side that does not read, before it is given up. */
export const LINES_UNSENT_MAX_BYTES = 4_096;
