/** Every limit of the formats and the protocol, in one place. Bytes unless the name says
 * otherwise. */
export const KIB = 1024;
export const MIB = 1024 * 1024;

export const CHUNK_MIN_BYTES = 256 * KIB;
export const CHUNK_AVERAGE_BYTES = MIB;
export const CHUNK_MAX_BYTES = 4 * MIB;
/** Below this length a cut needs more zero bits than from it on: that draws lengths to the
 * average. */
export const CHUNK_NORMAL_BYTES = 840 * KIB;
/** High bits of the gear hash that are zero at a cut, below and from CHUNK_NORMAL_BYTES on. */
export const CHUNK_STRICT_BITS = 22;
export const CHUNK_LOOSE_BITS = 18;
/** Most sealed bytes of one pack, before padding. */
export const PACK_MAX_BYTES = 16 * MIB;
/** Most chunks of one pack, so that what the index says of it fits into a segment. */
export const PACK_CHUNKS_MAX = 32_768;
/** Most sealed bytes of a pack of tree or index chunks, before padding. */
export const META_PACK_MAX_BYTES = 6 * MIB;
/** Below this a pack is copied instead of coded. */
export const PACK_COPY_BELOW_BYTES = 64 * KIB;
/** Most bytes of all shards of one stripe together: bounds the memory of a stripe in flight. */
export const STRIPE_MAX_BYTES = 40 * MIB;
export const LEAF_BYTES = 16 * KIB;
/** A shard is at most a whole pack. */
export const SHARD_MAX_BYTES = PACK_MAX_BYTES + MIB;
/** Shards up to this size are rows of the holder's database, larger ones are files. */
export const SHARD_ROW_MAX_BYTES = 64 * KIB;
export const TREE_NODE_MAX_BYTES = MIB;
export const RECORD_VALUE_MAX_BYTES = 64 * KIB;
export const STRIPE_SHARDS_MAX = 255;
/** Most bytes of a request body that is not a shard. */
export const REQUEST_BODY_MAX_BYTES = MIB;
/** Memory for such bodies that are on their way, in all and of one peer. Six requests of a pack's
 * worth of ids or wishes at once fit. */
export const REQUEST_BODIES_MAX_BYTES = 64 * MIB;
export const REQUEST_BODIES_PER_PEER_MAX_BYTES = 12 * MIB;
export const HAVE_IDS_MAX = 10_000;
export const TICKETS_PER_REQUEST_MAX = 256;
export const LIST_PAGE_MAX = 1_000;
export const PEERS_PAGE_MAX = 100;
/** A body is handed on in blocks of this size, the last one shorter. */
export const BLOCK_BYTES = 256 * KIB;
/** One path component, as on Linux file systems. */
export const NAME_MAX_BYTES = 255;
export const SYMLINK_MAX_BYTES = 4096;
/** Most items of one CBOR value: bounds what decoding it can allocate. */
export const CBOR_ITEMS_MAX = 512 * KIB;
export const CBOR_DEPTH_MAX = 16;
/** Most bytes of a certificate, ticket, receipt or peer card without its signature. */
export const SIGNED_BODY_MAX_BYTES = 4 * KIB;
/** Characters of a device's name. */
export const DEVICE_NAME_MAX = 64;
export const CARD_ADDRESSES_MAX = 8;
/** DHT nodes that a card names. */
export const CARD_BOOTSTRAP_MAX = 8;
/** Characters of one address. */
export const CARD_ADDRESS_MAX = 64;
export const CARD_SITE_MAX = 64;

/** Disk writes and reads go in aligned blocks of this size; so many buffers for them per store. */
export const STORE_BLOCK_BYTES = MIB;
export const STORE_BUFFERS_MAX = 16;
/** Space on the disk that a holder leaves free, so that its database can always be written. */
export const STORE_FREE_MIN_BYTES = 16 * MIB;
/** Prepared statements kept per database. */
export const STATEMENTS_MAX = 256;
/** After an unclean stop a database up to this size is checked before it is used. */
export const DATABASE_CHECK_MAX_BYTES = 256 * MIB;
/** Peers whose account a holder remembers, to say how much it keeps for each. */
export const DEVICES_KEPT_MAX = 4_096;
/** Uploads that a holder takes in at once. */
export const HOLDER_STORES_MAX = 256;
/** Tickets open at a holder, in all and for one account. */
export const RESERVATIONS_MAX = 65_536;
export const RESERVATIONS_PER_ACCOUNT_MAX = 16_384;
export const TICKET_LIFETIME_MS = 15 * 60_000;
export const TICKET_MAX_BYTES = 1024;
/** How long a receipt promises to keep a shard. */
export const LEASE_EPOCHS = 30;
/** How long bytes that nobody leases, or that are damaged, stay on a holder's disk. */
export const UNLEASED_EPOCHS = 30;
/** How long a finished upload waits for others, so that they share one database commit: at least,
 * and at most where the disk is slow. */
export const GROUP_COMMIT_MIN_MS = 2;
export const GROUP_COMMIT_MAX_MS = 10;
/** Rows looked at in one step of a walk over all shards. */
export const SCRUB_PAGE_SHARDS = 64;
/** Damaged shards that one scrub names; it sets aside all of them. */
export const SCRUB_CORRUPT_MAX = 10_000;
/** Blocks of shards being read out at once in reused memory; more are read into fresh memory. */
export const HOLDER_READ_BUFFERS_MAX = 16;
/** A block of a shard being read out or checked. */
export const HOLDER_READ_BYTES = 512 * KIB;
/** Most bytes of one file of a home's keys; the swarm's state is the largest. */
export const SECRET_MAX_BYTES = 64 * KIB;
/** What such a file may be called. */
export const SECRET_NAME = /^[a-z0-9-][a-z0-9.-]{0,39}$/;

/** A peer that was not heard of for so long is no longer one to store at. */
export const PEER_GONE_MS = 7 * 86_400_000;
/** Peers that a peer remembers. */
export const PEERS_MAX = 1_024;
/** Of them, peers that one source named and that have not answered yet. */
export const PEERS_PER_SOURCE_MAX = 128;
/** Addresses of a peer that nobody signed, and those of them that one source named. */
export const PEER_HINTS_MAX = 8;
export const PEER_HINTS_PER_SOURCE_MAX = 3;
/** Characters of the name of a source: what it is, and which peer. */
export const PEER_SOURCE_MAX_CHARS = 64;
/** How far a card's time may be ahead of our clock: two clocks that are each off by a day still
 * meet, most of the time. */
export const CARD_FUTURE_MAX_MS = 36 * 3_600_000;
/** Peers asked in one round of peer exchange, and cards pushed at once. */
export const EXCHANGE_PEERS_MAX = 4;
/** Peers that are being asked, and how long one has to answer. */
export const EXCHANGE_ASKS_MAX = 16;
export const EXCHANGE_ASK_MAX_MS = 15_000;
/** Asks of one peer for peer exchange or a dial back that are answered: one in so long. */
export const EXCHANGE_INTERVAL_MIN_MS = 5_000;
export const DIAL_BACK_INTERVAL_MIN_MS = 10_000;
/** Ports that one ask for a dial back names, dials back at once, and how long one takes. */
export const DIAL_BACK_PORTS_MAX = 2;
export const DIAL_BACKS_MAX = 16;
export const DIAL_BACK_MAX_MS = 5_000;
/** Peers whose finding after a dial back is remembered. */
export const DIAL_BACK_REPORTERS_MAX = 32;
/** Peers whose last ask is remembered, so that they do not ask too often. */
export const ASKERS_REMEMBERED_MAX = 4_096;
/** Ports that a router is asked to open, and how long the router keeps one that is not renewed. */
export const ROUTER_PORTS_MAX = 8;
export const ROUTER_LEASE_S = 3_600;
/** Announcements from the local network that are looked at, a second. */
export const LAN_OPENINGS_PER_SECOND_MAX = 1_000;
/** Of them, those that are passed on: so many in a burst, and so many a second. */
export const LAN_BURST_MAX = 64;
export const LAN_RATE_MAX = 16;
/** How old an announcement may be: clocks may be off by a day. */
export const LAN_AGE_MAX_MS = 36 * 3_600_000;
/** Networks that this machine announces itself in. */
export const LAN_INTERFACES_MAX = 16;
/** Sealed announcements that are remembered, so that a copy tells nothing twice. */
export const LAN_SEEN_MAX = 1_024;
/** Verified certificates that a peer remembers. */
export const CERTIFICATES_CACHED_MAX = 1_024;
/** A certificate or ticket in a header, as text. */
export const SIGNED_HEADER_MAX_CHARS = 6 * KIB;
/** Records that a keeper takes from one peer, and their bytes. */
export const RECORDS_PER_SOURCE_MAX = 1_024;
export const RECORDS_PER_SOURCE_MAX_BYTES = 16 * MIB;
/** Records that a keeper has in all. */
export const RECORDS_MAX = 262_144;
/** A record that wants to be kept for longer is refused. */
export const RECORD_EPOCHS_MAX = 800;
/** Different values of one number of a record that a keeper keeps as evidence. */
export const RECORD_VALUES_MAX = 2;

/** Agents that one tracker serves; each peer has one. */
export const TRACKER_AGENTS_MAX = 4_096;
/** One line of the dialogue between a tracker and an agent. */
export const TRACKER_LINE_MAX_BYTES = 8 * KIB;
/** Lines that wait to be written to the other side; who reads more slowly is dropped. */
export const TRACKER_LINES_QUEUED_MAX = 4_096;
/** Questions that one agent has not yet answered. */
export const AGENT_QUESTIONS_MAX = 256;
/** Look-ups and requests for tickets that a tracker works on at once. */
export const TRACKER_REQUESTS_MAX = 4_096;
/** How long a tracker waits for an agent's answer. */
export const TRACKER_ANSWER_MS = 2_000;
/** How long it waits for further agents when one has confirmed. */
export const TRACKER_GRACE_MS = 250;
/** After so long without a line either side takes the other for dead; a PING goes before. */
export const TRACKER_SILENCE_MS = 60_000;
export const TRACKER_PING_MS = 20_000;
/** Time for a new agent to say what it is. */
export const TRACKER_GREETING_MS = 30_000;
/** An agent that is asked and answers nothing for so long is dropped. */
export const AGENT_OWES_MAX_MS = 5_000;
/** Agents asked for one hash; addresses in one answer. */
export const WHO_HAS_ASKED_MAX = 64;
export const WHO_HAS_ADDRESSES_MAX = 32;
export const WHERE_TO_UPLOAD_MAX = 64;
/** The filter of one agent, and those of all agents of a tracker. */
export const AGENT_FILTER_MAX_BYTES = MIB;
export const TRACKER_FILTERS_MAX_BYTES = 256 * MIB;
/** A tracker drops an agent that sends whole filters more often; agents keep more distance. */
export const FILTER_DISTANCE_MIN_MS = 2_000;
/** Trackers that a peer keeps a stream to, and asks. */
export const TRACKERS_MAX = 8;
/** How long a tracker is waited for, and what it may answer. */
export const TRACKER_ASKED_MS = 5_000;
export const TRACKER_ANSWER_MAX_BYTES = 64 * KIB;

/** Admissions between the founder of a swarm and a member. */
export const CHAIN_LINKS_MAX = 16;
/** Links of such chains that are looked at in a second, for guests and for members each, and those
 * that held and are remembered. */
export const CHAIN_CHECKS_PER_SECOND_MAX = 256;
export const CHAIN_LINKS_CHECKED_MAX = 4_096;
/** Asks to be admitted that are answered: in so long, so many of one guest and in all. */
export const ADMISSION_INTERVAL_MS = 2_000;
export const ADMISSIONS_PER_GUEST_MAX = 4;
export const ADMISSIONS_PER_INTERVAL_MAX = 512;
/** How often a guest asks a member again that is asked too often, and after how long. */
export const ADMISSION_TRIES_MAX = 6;
export const ADMISSION_AGAIN_MS = 1_000;
/** Network keys of a swarm that are accepted at a time. */
export const NETWORK_KEYS_MAX = 2;
/** Peers that a rekey names as staying; others prove themselves by their chain of admissions. */
export const REKEY_MEMBERS_MAX = 1_024;
/** Peers that a rekey shuts out. */
export const REKEY_EXCLUDED_MAX = 256;
/** How long after a rekey the old key may still be good for fetching the new one. */
export const REKEY_GRACE_MAX_MS = 90 * 86_400_000;
/** A rekey or a swarm's state, signature included. */
export const SWARM_STATE_MAX_BYTES = 60 * KIB;
/** Cards in an invitation, and how many are in it before its length is looked at. */
export const INVITATION_CARDS_MAX = 5;
export const INVITATION_CARDS_MIN = 3;
/** What a QR code of middling redundancy holds. */
export const INVITATION_QR_MAX_CHARS = 2_300;
export const INVITATION_MAX_BYTES = 12 * KIB;
export const INVITATION_LIFETIME_MAX_MS = 90 * 86_400_000;
export const INVITATION_USES_MAX = 1_000;
/** Uses of invitations that a member remembers; beyond them it forgets those that expire first. */
export const INVITATION_USES_KEPT_MAX = 65_536;
/** Members that a guest asks at once to be admitted. */
export const ADMISSION_ASKED_AT_ONCE = 3;
/** Peers that are told at once of a rekey or of a used invitation. */
export const COURIER_PEERS_AT_ONCE = 8;
/** Whoever wants to hear of changes of the swarm's keys. */
export const SWARM_LISTENERS_MAX = 64;
