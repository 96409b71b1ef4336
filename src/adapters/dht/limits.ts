import { KIB, MIB } from "../../base/limits.ts";

/** Datagrams of one sender may overtake each other by so many. */
export const DATAGRAM_WINDOW = 2_048;
/** Senders whose datagrams are remembered against replay. */
export const DATAGRAM_SALTS_MAX = 2_048;
/** No message of the DHT is longer; the native part gives at most this. */
export const DATAGRAM_MAX_BYTES = 4_096;

/** What the system may keep of datagrams that one socket has not read yet, where it gives so much.
 * Senders are up to a thousand packets ahead of us: with the usual megabyte some of them are lost
 * while the process does something else, and sent again. */
export const DATAGRAM_BUFFER_BYTES = 4 * MIB;

/** Addresses of DHT nodes that are asked when too few others are known. */
export const DHT_BOOTSTRAP_MAX = 32;
/** What one DHT node keeps for others: announcements, routes and refreshes, each so many. */
export const DHT_RECORDS_MAX = 16_384;
/** DHT nodes that a publicly reachable peer runs: to tell what kind of router it is behind, a peer
 * needs three samples. */
export const DHT_NODES_PUBLIC = 4;
/** Punching a router that gives every connection another port takes 256 sockets: one at a time,
 * and so long apart. */
export const PUNCH_RANDOM_INTERVAL_MS = 2_000;

/** Peers that one look-up gives, and those taken from one answer: a liar fills no more. */
export const LOOKUP_PEERS_MAX = 256;
export const LOOKUP_ANSWER_PEERS_MAX = 20;
export const LOOKUP_MS = 4_000;
export const ANNOUNCE_MS = 15_000;
/** Nodes forget an announcement after 20 minutes, and at once when they restart. */
export const ANNOUNCE_EVERY_MS = 4 * 60_000;
/** How often a peer says anew where it can be reached. */
export const ANNOUNCE_SELF_EVERY_MS = 20_000;
/** A node that knows nobody looks for the others again so often. */
export const LONELY_MS = 10_000;

/** A dial by punching, and by one relay. */
export const PUNCH_MS = 10_000;
export const RELAY_DIAL_MS = 6_000;
/** How long a try to punch may go on in the background; half a minute is 99.9 % of all luck. */
export const PUNCH_LUCK_MS = 45_000;
export const PUNCH_AGAIN_MS = PUNCH_RANDOM_INTERVAL_MS + 500;
/** Such tries at once. */
export const PUNCH_ATTEMPTS_MAX = 64;
/** How long a session that nobody waits for any more is kept for the next dial. */
export const PUNCH_SPARE_MS = 10_000;
/** Relays that one dial tries. */
export const RELAYS_TRIED_MAX = 4;
/** How long starting to listen waits for the first announcement. */
export const LISTEN_WAIT_MS = 2_000;

/** Handshakes that have not led to a session yet, in all and of one peer; each counts so long. */
export const HANDSHAKES_MAX = 128;
export const HANDSHAKES_PER_PEER_MAX = 16;
export const HANDSHAKE_MS = 15_000;
/** From an open hole to the whole hello. */
export const HELLO_MS = 12_000;
/** Sessions that peers opened to us; more than HTTP keeps, which closes idle ones to make room. */
export const SESSIONS_MAX = 768;
export const SESSIONS_PER_PEER_MAX = 32;

/** Bytes that a sender may be ahead of the reader: bounds what a session keeps in memory. */
export const STREAM_WINDOW_BYTES = 2 * MIB;
/** The reader's room is announced again when so much of it has become free. */
export const STREAM_CREDIT_BYTES = STREAM_WINDOW_BYTES / 4;
/** Payload of one message of a stream. */
export const STREAM_PIECE_BYTES = 64 * KIB - 64;
/** Longest sealed message that is taken from a peer. */
export const STREAM_MESSAGE_MAX_BYTES = 64 * KIB;
export const STREAM_KEEP_ALIVE_MS = 2_000;
/** Nothing at all from the other side for so long: it is gone, or the relay between. */
export const STREAM_SILENCE_MS = 8_000;
/** How long a closed stream waits for the other side to have all of it. */
export const STREAM_LINGER_MS = 5_000;

/** What a relay allows: connections of peers in all and of one, pipes of one connection. */
export const RELAY_CONNECTIONS_MAX = 512;
export const RELAY_CONNECTIONS_PER_PEER_MAX = 16;
export const RELAY_PIPES_PER_CONNECTION_MAX = 2;
/** Bytes carried in a day, in all and for one peer. */
export const RELAY_DAY_MAX_BYTES = 256 * 1024 * MIB;
export const RELAY_DAY_PER_PEER_MAX_BYTES = 32 * 1024 * MIB;
/** How often the relay counts. */
export const RELAY_COUNT_MS = 1_000;
/** Peers whose use of the relay is remembered. */
export const RELAY_PEERS_MAX = 1_024;
