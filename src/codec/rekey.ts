import { compareBytes, concatBytes } from "../base/bytes.ts";
import { ID_BYTES, idBytes, idOf } from "../base/id.ts";
import type { Id, PeerId } from "../base/id.ts";
import {
  REKEY_EXCLUDED_MAX,
  REKEY_GRACE_MAX_MS,
  REKEY_MEMBERS_MAX,
  SWARM_STATE_MAX_BYTES,
} from "../base/limits.ts";
import { decodeVersioned, encodeCbor, readBytes, readUint } from "./cbor.ts";
import { malformed } from "./error.ts";

/** What a swarm's founder says when the network key changes. */
export interface Rekey {
  swarm: Id;
  /** Of the new key; the founding key is 1. */
  number: number;
  /** The new network key, 32 bytes. */
  key: Uint8Array;
  /** Peers that may have the new key whatever their chain; sorted. */
  members: readonly PeerId[];
  /** Peers that may not, nor may whoever came in through them; sorted. */
  excluded: readonly PeerId[];
  timeMs: number;
  /** Until when the key before is good for fetching this one. */
  retiresMs: number;
}

const VERSION = 1;
const WHAT = "rekey";

/** Encodes a rekey's body; the founder's account key signs it for "rekey".
 * @throws CodecError FORMAT_MALFORMED for peers that are unsorted, twice there or too many */
export function encodeRekey(rekey: Rekey): Uint8Array {
  const { swarm, number, key, members, excluded, timeMs, retiresMs } = checked(rekey);
  return encodeCbor([
    VERSION,
    idBytes(swarm),
    number,
    key,
    concatBytes(...members.map(idBytes)),
    concatBytes(...excluded.map(idBytes)),
    timeMs,
    retiresMs,
  ]);
}

/** @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED
 * @see docs/format/swarm.md */
export function decodeRekey(bytes: Uint8Array): Rekey {
  const parts = decodeVersioned(bytes, WHAT, VERSION, 7, SWARM_STATE_MAX_BYTES);
  return checked({
    swarm: idOf(readBytes(parts[0], `${WHAT}: swarm`, ID_BYTES)),
    number: readUint(parts[1], `${WHAT}: number`),
    key: readBytes(parts[2], `${WHAT}: key`, ID_BYTES),
    members: readIds(parts[3], `${WHAT}: members`),
    excluded: readIds(parts[4], `${WHAT}: excluded`),
    timeMs: readUint(parts[5], `${WHAT}: time`),
    retiresMs: readUint(parts[6], `${WHAT}: retires`),
  });
}

function readIds(value: unknown, name: string): PeerId[] {
  const bytes = readBytes(value, name);
  if (bytes.length % ID_BYTES !== 0) throw malformed(name, `${bytes.length} bytes are no ids`);
  const count = bytes.length / ID_BYTES;
  return Array.from({ length: count }, (_, at) =>
    idOf(bytes.subarray(at * ID_BYTES, (at + 1) * ID_BYTES)),
  );
}

function checked(rekey: Rekey): Rekey {
  const { number, members, excluded, timeMs, retiresMs } = rekey;
  if (number < 2) throw malformed(WHAT, `number ${number}, the first that can be is 2`);
  checkIds(members, "members", REKEY_MEMBERS_MAX);
  checkIds(excluded, "excluded", REKEY_EXCLUDED_MAX);
  const graceMs = retiresMs - timeMs;
  if (graceMs < 0 || graceMs > REKEY_GRACE_MAX_MS) {
    throw malformed(WHAT, `a grace of ${graceMs} ms, at most ${REKEY_GRACE_MAX_MS}`);
  }
  return rekey;
}

function checkIds(ids: readonly PeerId[], name: string, max: number): void {
  if (ids.length > max) throw malformed(WHAT, `${ids.length} ${name}, at most ${max}`);
  for (let at = 1; at < ids.length; at++) {
    if (compareBytes(idBytes(ids[at - 1] ?? ""), idBytes(ids[at] ?? "")) >= 0) {
      throw malformed(WHAT, `${name} are not sorted, or one is there twice`);
    }
  }
}
