import { ID_BYTES, idBytes, idOf } from "../base/id.ts";
import type { AccountId, Id } from "../base/id.ts";
import { NETWORK_KEYS_MAX, SWARM_STATE_MAX_BYTES } from "../base/limits.ts";
import { chainValue, readChain, type ChainLink } from "./admission.ts";
import { decodeVersioned, encodeCbor, readArray, readBytes, readUint } from "./cbor.ts";
import { malformed } from "./error.ts";

/** A network key of a swarm as its members keep it. */
export interface KeptKey {
  /** 1 for the founding key. */
  readonly number: number;
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** Until when it is good for fetching the next one; the newest key has none. */
  readonly retiresMs?: number;
}

/** All that a home knows of its swarm. Secret. */
export interface SwarmState {
  readonly id: Id;
  /** The account whose word on members and keys counts; undefined where a home was only given the
   * key. */
  readonly founder?: AccountId;
  /** Whether anybody may join who has the printed invitation. */
  readonly open: boolean;
  /** 32 bytes; it never changes. */
  readonly content: Uint8Array;
  /** The newest, and the one before it. */
  readonly keys: readonly [KeptKey, ...KeptKey[]];
  /** How this peer came in: none for the founder, in an open swarm, and with a key file. */
  readonly chain: readonly ChainLink[];
  /** The founder's last signed rekey. One with a number above the newest key's is the founder's
   * own, on its way to the members. */
  readonly rekey?: Uint8Array;
}

const VERSION = 1;
const WHAT = "swarm state";

/** @throws CodecError FORMAT_MALFORMED for keys that are not in order */
export function encodeSwarmState(state: SwarmState): Uint8Array {
  const { id, founder, open, content, keys, chain, rekey } = checked(state);
  return encodeCbor([
    VERSION,
    idBytes(id),
    founder === undefined ? null : idBytes(founder),
    open,
    content,
    keys.map(({ number, key, retiresMs }) => [number, key, retiresMs ?? null]),
    chainValue(chain),
    rekey ?? null,
  ]);
}

/** Signatures inside are not checked.
 * @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED
 * @see docs/format/swarm.md */
export function decodeSwarmState(bytes: Uint8Array): SwarmState {
  const parts = decodeVersioned(bytes, WHAT, VERSION, 7, SWARM_STATE_MAX_BYTES);
  const [id, founder, open, content, keys, chain, rekey] = parts;
  if (typeof open !== "boolean") throw malformed(WHAT, "open is not a boolean");
  return checked({
    id: idOf(readBytes(id, `${WHAT}: id`, ID_BYTES)),
    ...(founder === null
      ? {}
      : { founder: idOf(readBytes(founder, `${WHAT}: founder`, ID_BYTES)) }),
    open,
    content: readBytes(content, `${WHAT}: content secret`, ID_BYTES),
    keys: readKeys(keys),
    chain: readChain(chain),
    ...(rekey === null ? {} : { rekey: readBytes(rekey, `${WHAT}: rekey`) }),
  });
}

function readKeys(value: unknown): [KeptKey, ...KeptKey[]] {
  const items = readArray(value, `${WHAT}: keys`, NETWORK_KEYS_MAX);
  const [newest, ...before] = items.map((item): KeptKey => {
    const parts = readArray(item, `${WHAT}: key`, 3);
    if (parts.length !== 3) throw malformed(WHAT, `a key of ${parts.length} parts`);
    const [number, key, retires] = parts;
    return {
      number: readUint(number, `${WHAT}: number`),
      key: readBytes(key, `${WHAT}: key`, ID_BYTES),
      ...(retires === null ? {} : { retiresMs: readUint(retires, `${WHAT}: retires`) }),
    };
  });
  if (newest === undefined) throw malformed(WHAT, "no key");
  return [newest, ...before];
}

function checked(state: SwarmState): SwarmState {
  const [newest, before] = state.keys;
  const inOrder =
    newest.number >= 1 &&
    newest.retiresMs === undefined &&
    (before === undefined ||
      (before.number >= 1 && before.number < newest.number && before.retiresMs !== undefined));
  if (!inOrder) throw malformed(WHAT, "keys are not in order");
  return state;
}
