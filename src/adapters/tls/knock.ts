import { timingSafeEqual } from "node:crypto";
import { concatBytes } from "../../base/bytes.ts";
import { deriveKey, keyedHash } from "../../crypto/hash.node.ts";
import { lobbyKeyOf } from "../../crypto/swarm-key.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Standing } from "../../ports/net.ts";
import type { Random } from "../../ports/random.ts";
import type { SwarmKeys } from "../../ports/swarm-keys.ts";

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
  swarmKeys: SwarmKeys,
  clock: Clock,
  random: Random,
): (dialled: Uint8Array) => Uint8Array {
  const keyNow = derived(() => deriveKey("knock", swarmKeys.current().key), swarmKeys);
  return (dialled) => {
    const time = new Uint8Array(TIME_BYTES);
    new DataView(time.buffer).setBigUint64(0, BigInt(Math.trunc(clock.nowMs())), true);
    const saltAndTime = concatBytes(random.bytes(SALT_BYTES), time);
    return concatBytes(saltAndTime, macOf(keyNow(), saltAndTime, dialled));
  };
}

/** Says with which standing 40 bytes are a fresh knock at `self`, and remembers them; undefined:
 * they are none. */
export function createKnockGuard(
  swarmKeys: SwarmKeys,
  self: Uint8Array,
  clock: Clock,
): (knock: Uint8Array) => Standing | undefined {
  const current = derived(() => keysOf(swarmKeys.current().key, "member"), swarmKeys);
  const previous = derived(() => {
    const before = swarmKeys.previous();
    return before === undefined ? [] : keysOf(before.key, "former");
  }, swarmKeys);
  const seen = new Set<string>();
  return (knock) => {
    if (knock.length !== KNOCK_BYTES) return undefined;
    const saltAndTime = knock.subarray(0, SALT_BYTES + TIME_BYTES);
    const mac = knock.subarray(SALT_BYTES + TIME_BYTES);
    // The MAC first: until it is right, nothing that was sent is worth looking at. The key before
    // this one may have run out since it was derived.
    const keys = swarmKeys.previous() === undefined ? current() : [...current(), ...previous()];
    const right = keys.find(({ key }) => timingSafeEqual(macOf(key, saltAndTime, self), mac));
    if (right === undefined) return undefined;
    const view = new DataView(knock.buffer, knock.byteOffset, knock.byteLength);
    const timeMs = Number(view.getBigUint64(SALT_BYTES, true));
    if (Math.abs(clock.nowMs() - timeMs) > KNOCK_WINDOW_MS) return undefined;
    const salt = Buffer.from(knock.subarray(0, SALT_BYTES)).toString("latin1");
    if (seen.has(salt)) return undefined;
    seen.add(salt);
    if (seen.size > SEEN_MAX) {
      for (const oldest of seen) {
        seen.delete(oldest);
        break;
      }
    }
    return right.standing;
  };
}

interface KnockKey {
  readonly key: Uint8Array;
  readonly standing: Standing;
}

function keysOf(networkKey: Uint8Array, standing: Standing): KnockKey[] {
  return [
    { key: deriveKey("knock", networkKey), standing },
    { key: deriveKey("knock", lobbyKeyOf(networkKey)), standing: "guest" },
  ];
}

/** `make`, again after every change of the keys. */
function derived<T>(make: () => T, swarmKeys: SwarmKeys): () => T {
  let made: { value: T } | undefined;
  swarmKeys.onChange(() => {
    made = undefined;
  });
  return () => (made ??= { value: make() }).value;
}
