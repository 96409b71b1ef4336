/** Every limit of the formats and the protocol, in one place. Bytes unless the name says otherwise. */
export const KIB = 1024;
export const MIB = 1024 * 1024;

export const CHUNK_MIN_BYTES = 256 * KIB;
export const CHUNK_AVERAGE_BYTES = MIB;
export const CHUNK_MAX_BYTES = 4 * MIB;
/** Most sealed bytes of one pack, before padding. */
export const PACK_MAX_BYTES = 16 * MIB;
/** Below this a pack is copied instead of coded. */
export const PACK_COPY_BELOW_BYTES = 64 * KIB;
/** Most bytes of all shards of one stripe together: bounds the memory of a stripe in flight. */
export const STRIPE_MAX_BYTES = 48 * MIB;
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
export const HAVE_IDS_MAX = 10_000;
export const TICKETS_PER_REQUEST_MAX = 256;
export const LIST_PAGE_MAX = 1_000;
export const PEERS_PAGE_MAX = 100;
/** A body is handed on in blocks of this size, the last one shorter. */
export const BLOCK_BYTES = 256 * KIB;
/** One path component, as on Linux file systems. */
export const NAME_MAX_BYTES = 255;
export const SYMLINK_MAX_BYTES = 4096;
