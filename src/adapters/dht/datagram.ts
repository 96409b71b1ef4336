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

interface Sender {
  readonly key: Uint8Array;
  readonly window: ReplayWindow;
}

/** Seals and opens the datagrams of one start of a peer. A change of the swarm's key takes effect
 * with the next one.
 * @see docs/format/datagram.md */
export class DatagramSeal {
  readonly #clock: Clock;
  readonly #salt: Uint8Array;
  #counter = 0;
  #networkKey: Uint8Array = new Uint8Array(KEY_BYTES);
  #ownKey: Uint8Array = this.#networkKey;
  /** The senders heard of, by salt, the one that was silent for longest first. */
  readonly #senders = new Map<string, Sender>();
  readonly #unsubscribe: () => void;

  constructor(swarmKeys: SwarmKeys, clock: Clock, random: Random) {
    this.#clock = clock;
    this.#salt = random.bytes(SALT_BYTES);
    this.#rekey(swarmKeys);
    this.#unsubscribe = swarmKeys.onChange(() => this.#rekey(swarmKeys));
  }

  /** A fresh sealed datagram. */
  seal(message: Uint8Array): Buffer {
    const sealed = Buffer.allocUnsafe(message.length + DATAGRAM_OVERHEAD_BYTES);
    sealed[0] = DATAGRAM_MARKER;
    sealed.set(this.#salt, 1);
    sealed.writeBigUInt64LE(BigInt(this.#counter++), COUNTER_AT);
    const plain = sealed.subarray(HEADER_BYTES, sealed.length - TAG_BYTES);
    plain.writeBigUInt64LE(BigInt(Math.trunc(this.#clock.nowMs())));
    plain.set(message, TIME_BYTES);
    const header = sealed.subarray(0, HEADER_BYTES);
    sealInto(sealed, HEADER_BYTES, this.#ownKey, nonceOf(sealed), header, plain);
    return sealed;
  }

  /** The message of a datagram that a member sealed lately and that was not opened before;
   * undefined for any other. */
  open(datagram: Uint8Array): Buffer | undefined {
    const lengthBytes = datagram.length - DATAGRAM_OVERHEAD_BYTES;
    if (datagram[0] !== DATAGRAM_MARKER || lengthBytes < 0) return undefined;
    if (datagram.length > DATAGRAM_MAX_BYTES) return undefined;
    const sealed = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength);
    const counter = Number(sealed.readBigUInt64LE(COUNTER_AT));
    if (!Number.isSafeInteger(counter)) return undefined;
    const salt = sealed.toString("latin1", 1, COUNTER_AT);
    const known = this.#senders.get(salt);
    if (known?.window.isFresh(counter) === false) return undefined;
    const key = known?.key ?? keyedHash(this.#networkKey, sealed.subarray(1, COUNTER_AT));
    const plain = openWith(key, sealed, TIME_BYTES + lengthBytes);
    if (plain === undefined) return undefined;
    const timeMs = Number(plain.readBigUInt64LE());
    if (Math.abs(this.#clock.nowMs() - timeMs) > KNOCK_WINDOW_MS) return undefined;
    const sender = known ?? { key, window: new ReplayWindow() };
    sender.window.mark(counter);
    this.#remember(salt, sender);
    return plain.subarray(TIME_BYTES);
  }

  /** Ends following the swarm's keys. */
  close(): void {
    this.#unsubscribe();
    this.#senders.clear();
  }

  #rekey(swarmKeys: SwarmKeys): void {
    this.#networkKey = deriveKey("datagram", swarmKeys.current().key);
    this.#ownKey = keyedHash(this.#networkKey, this.#salt);
    this.#senders.clear();
  }

  #remember(salt: string, sender: Sender): void {
    this.#senders.delete(salt);
    this.#senders.set(salt, sender);
    if (this.#senders.size <= DATAGRAM_SALTS_MAX) return;
    for (const silent of this.#senders.keys()) {
      this.#senders.delete(silent);
      break;
    }
  }
}

function openWith(key: Uint8Array, sealed: Buffer, plainBytes: number): Buffer | undefined {
  const plain = Buffer.allocUnsafe(plainBytes);
  const header = sealed.subarray(0, HEADER_BYTES);
  try {
    openInto(plain, key, nonceOf(sealed), header, sealed.subarray(HEADER_BYTES));
    return plain;
  } catch {
    return undefined;
  }
}

/** The counter, then zeros: no two datagrams of one salt have the same. */
function nonceOf(sealed: Buffer): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  nonce.set(sealed.subarray(COUNTER_AT, HEADER_BYTES));
  return nonce;
}
