import { timingSafeEqual } from "node:crypto";
import { concatBytes } from "../../base/bytes.ts";
import { deriveKey, keyedHash } from "../../crypto/hash.node.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";

const SALT_BYTES = 16;
const TIME_BYTES = 8;
const MAC_BYTES = 16;
/** salt 16 ‖ time 8 (milliseconds, u64 little-endian) ‖ MAC 16. */
export const KNOCK_BYTES = SALT_BYTES + TIME_BYTES + MAC_BYTES;
/** How far the clocks of two peers may be apart. */
export const KNOCK_WINDOW_MS = 36 * 3_600_000;
/** Salts remembered against replay. Who replays an older one gets as far as the handshake. */
const SEEN_MAX = 32_768;

function macOf(key: Uint8Array, saltAndTime: Uint8Array, dialled: Uint8Array): Uint8Array {
  return keyedHash(key, saltAndTime, dialled).subarray(0, MAC_BYTES);
}

/** Makes the first bytes for a session to the peer with the public key `dialled`. */
export function createKnocker(
  swarmKey: Uint8Array,
  clock: Clock,
  random: Random,
): (dialled: Uint8Array) => Uint8Array {
  const key = deriveKey("knock", swarmKey);
  return (dialled) => {
    const time = new Uint8Array(TIME_BYTES);
    new DataView(time.buffer).setBigUint64(0, BigInt(Math.trunc(clock.nowMs())), true);
    const saltAndTime = concatBytes(random.bytes(SALT_BYTES), time);
    return concatBytes(saltAndTime, macOf(key, saltAndTime, dialled));
  };
}

/** Says whether 40 bytes are a fresh knock at `self`, and remembers them. */
export function createKnockGuard(
  swarmKey: Uint8Array,
  self: Uint8Array,
  clock: Clock,
): (knock: Uint8Array) => boolean {
  const key = deriveKey("knock", swarmKey);
  const seen = new Set<string>();
  return (knock) => {
    if (knock.length !== KNOCK_BYTES) return false;
    const saltAndTime = knock.subarray(0, SALT_BYTES + TIME_BYTES);
    const mac = knock.subarray(SALT_BYTES + TIME_BYTES);
    // The MAC first: until it is right, nothing that was sent is worth looking at.
    if (!timingSafeEqual(macOf(key, saltAndTime, self), mac)) return false;
    const view = new DataView(knock.buffer, knock.byteOffset, knock.byteLength);
    const timeMs = Number(view.getBigUint64(SALT_BYTES, true));
    if (Math.abs(clock.nowMs() - timeMs) > KNOCK_WINDOW_MS) return false;
    const salt = Buffer.from(knock.subarray(0, SALT_BYTES)).toString("latin1");
    if (seen.has(salt)) return false;
    seen.add(salt);
    if (seen.size > SEEN_MAX) {
      for (const oldest of seen) {
        seen.delete(oldest);
        break;
      }
    }
    return true;
  };
}
