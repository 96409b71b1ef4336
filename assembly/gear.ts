// The gear hash: h = (h << 1) + T[byte] in 64 bits, so that it depends on the last 64 bytes alone.
// One chain, four steps per turn: scanning several places at once was slower here, as one step's
// latency (shift and add) is no longer than its look-up takes to issue.

const WINDOW_BYTES: usize = 64;

/** The first length in [from, to) whose last 64 bytes hash below `limit`, else `to`.
 * The 64 bytes before at + from belong to the data. */
export function findCut(table: usize, at: usize, from: usize, to: usize, limit: u64): usize {
  if (from >= to) return to;
  let hash: u64 = 0;
  const start = at + from;
  const end = at + to;
  let here = start - WINDOW_BYTES;
  for (; here < start; here++) hash = add(hash, table, load<u8>(here));
  for (; here + 4 <= end; here += 4) {
    if (hash < limit) return here - at;
    hash = add(hash, table, load<u8>(here));
    if (hash < limit) return here + 1 - at;
    hash = add(hash, table, load<u8>(here, 1));
    if (hash < limit) return here + 2 - at;
    hash = add(hash, table, load<u8>(here, 2));
    if (hash < limit) return here + 3 - at;
    hash = add(hash, table, load<u8>(here, 3));
  }
  for (; here < end; here++) {
    if (hash < limit) return here - at;
    hash = add(hash, table, load<u8>(here));
  }
  return to;
}

function add(hash: u64, table: usize, byte: usize): u64 {
  return (hash << 1) + load<u64>(table + (byte << 3));
}
