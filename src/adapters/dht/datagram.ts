import { KEY_BYTES, NONCE_BYTES, openInto, sealInto, TAG_BYTES } from "../../crypto/seal.node.ts";
import { deriveKey, keyedHash } from "../../crypto/hash.node.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";
import type { SwarmKeys } from "../../ports/swarm-keys.ts";
import { KNOCK_WINDOW_MS } from "../tls/knock.ts";
import { DATAGRAM_MAX_BYTES, DATAGRAM_SALTS_MAX } from "./limits.ts";
import { ReplayWindow } from "./replay-window.ts";

/** Not the first byte of a UDX packet (0xff), which passes as it is. */
export const DATAGRAM_MARKER = 0x68;
const SALT_BYTES = 16;
const COUNTER_AT = 1 + SALT_BYTES;
const HEADER_BYTES = COUNTER_AT + 8;
const TIME_BYTES = 8;
/** By so much a sealed datagram is longer than its message. */
export const DATAGRAM_OVERHEAD_BYTES = HEADER_BYTES + TIME_BYTES + TAG_BYTES;

/** Seals and opens the datagrams of one start of a peer.
 * @see docs/format/datagram.md */
export interface DatagramSeal {
  /** A fresh sealed datagram. */
  seal(message: Uint8Array): Buffer;
  /** The message of a datagram that a member sealed lately and that was not opened before;
   * undefined for any other. */
  open(sealed: Uint8Array): Buffer | undefined;
  /** Ends following the swarm's keys. */
  close(): void;
}

interface Sender {
  readonly key: Uint8Array;
  readonly window: ReplayWindow;
}

/** Makes the seal; a change of the swarm's key takes effect with the next datagram. */
export function createDatagramSeal(
  swarmKeys: SwarmKeys,
  clock: Clock,
  random: Random,
): DatagramSeal {
  const salt = random.bytes(SALT_BYTES);
  let counter = 0;
  let networkKey = new Uint8Array(KEY_BYTES);
  let ownKey = networkKey;
  /** The senders heard of, the one that was silent for longest first. */
  const senders = new Map<string, Sender>();
  const rekey = (): void => {
    networkKey = new Uint8Array(deriveKey("datagram", swarmKeys.current().key));
    ownKey = new Uint8Array(keyedHash(networkKey, salt));
    senders.clear();
  };
  rekey();
  const unsubscribe = swarmKeys.onChange(rekey);

  const remember = (name: string, sender: Sender): void => {
    senders.delete(name);
    senders.set(name, sender);
    if (senders.size <= DATAGRAM_SALTS_MAX) return;
    for (const silent of senders.keys()) {
      senders.delete(silent);
      break;
    }
  };

  return {
    seal(message) {
      const sealed = Buffer.allocUnsafe(message.length + DATAGRAM_OVERHEAD_BYTES);
      sealed[0] = DATAGRAM_MARKER;
      sealed.set(salt, 1);
      sealed.writeBigUInt64LE(BigInt(counter++), COUNTER_AT);
      const plain = sealed.subarray(HEADER_BYTES, sealed.length - TAG_BYTES);
      plain.writeBigUInt64LE(BigInt(Math.trunc(clock.nowMs())));
      plain.set(message, TIME_BYTES);
      const header = sealed.subarray(0, HEADER_BYTES);
      sealInto(sealed, HEADER_BYTES, ownKey, nonceOf(sealed), header, plain);
      return sealed;
    },
    open(datagram) {
      const lengthBytes = datagram.length - DATAGRAM_OVERHEAD_BYTES;
      if (datagram[0] !== DATAGRAM_MARKER || lengthBytes < 0) return undefined;
      if (datagram.length > DATAGRAM_MAX_BYTES) return undefined;
      const sealed = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength);
      const number = Number(sealed.readBigUInt64LE(COUNTER_AT));
      if (!Number.isSafeInteger(number)) return undefined;
      const name = sealed.toString("latin1", 1, COUNTER_AT);
      const known = senders.get(name);
      if (known?.window.isFresh(number) === false) return undefined;
      const key = known?.key ?? keyedHash(networkKey, sealed.subarray(1, COUNTER_AT));
      const plain = Buffer.allocUnsafe(TIME_BYTES + lengthBytes);
      try {
        const header = sealed.subarray(0, HEADER_BYTES);
        openInto(plain, key, nonceOf(sealed), header, sealed.subarray(HEADER_BYTES));
      } catch {
        return undefined;
      }
      const timeMs = Number(plain.readBigUInt64LE());
      if (Math.abs(clock.nowMs() - timeMs) > KNOCK_WINDOW_MS) return undefined;
      const sender = known ?? { key, window: new ReplayWindow() };
      sender.window.mark(number);
      remember(name, sender);
      return plain.subarray(TIME_BYTES);
    },
    close() {
      unsubscribe();
      senders.clear();
    },
  };
}

/** The counter, then zeros: no two datagrams of one salt have the same. */
function nonceOf(sealed: Buffer): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  nonce.set(sealed.subarray(COUNTER_AT, HEADER_BYTES));
  return nonce;
}
