import { compareBytes } from "../../base/bytes.ts";
import { idBytes, idOf, type AccountId, type Id, type PeerId } from "../../base/id.ts";
import { REKEY_MEMBERS_MAX } from "../../base/limits.ts";
import { CodecError } from "../../codec/error.ts";
import { decodeRekey, encodeRekey, type Rekey } from "../../codec/rekey.ts";
import type { SwarmState } from "../../codec/swarm-state.ts";
import { openEnvelope, signEnvelope } from "../../crypto/envelope.ts";
import { CryptoError } from "../../crypto/error.ts";
import type { SigningKey } from "../../crypto/sign.node.ts";
import { membershipError } from "./refusal.ts";

const PURPOSE = "rekey";

/** What a rekey is made of. */
export interface RekeyWish {
  /** 32 bytes: the new network key. */
  key: Uint8Array;
  /** The founder's own peer; it always stays. */
  self: PeerId;
  /** Peers that stay even where they cannot show a chain; REKEY_MEMBERS_MAX of them are named. */
  members: readonly PeerId[];
  /** Peers to shut out, besides those that were shut out before. */
  exclude: readonly PeerId[];
  /** Peers that were shut out and may come again. */
  readmit?: readonly PeerId[];
  nowMs: number;
  /** How long members may fetch the new key with the old one. */
  graceMs: number;
}

/** Signs a new network key. Nothing has it yet: see `rekeySwarm`.
 * @param root the founder's account key
 * @throws SwarmError SWARM_OPEN | FOUNDER_UNKNOWN | REKEY_FORGED (not the founder);
 *   CodecError for more than REKEY_EXCLUDED_MAX peers shut out, or too long a grace */
export function makeRekey(state: SwarmState, root: SigningKey, wish: RekeyWish): Uint8Array {
  if (state.open) {
    throw membershipError("SWARM_OPEN", "the key of an open swarm is public: it is not changed");
  }
  if (founderOf(state) !== idOf(root.publicKey)) {
    throw membershipError("REKEY_FORGED", `only ${state.founder} changes the key of this swarm`);
  }
  const readmit = new Set([...(wish.readmit ?? []), wish.self]);
  const before = state.rekey === undefined ? [] : openRekey(state, state.rekey).excluded;
  const excluded = sorted([...before, ...wish.exclude].filter((peer) => !readmit.has(peer)));
  const shutOut = new Set(excluded);
  const staying = [wish.self, ...wish.members.filter((peer) => !shutOut.has(peer))];
  const rekey: Rekey = {
    swarm: state.id,
    number: state.keys[0].number + 1,
    key: wish.key,
    members: sorted([...new Set(staying)].slice(0, REKEY_MEMBERS_MAX)),
    excluded,
    timeMs: wish.nowMs,
    retiresMs: wish.nowMs + wish.graceMs,
  };
  return signEnvelope(PURPOSE, root, encodeRekey(rekey));
}

/** Opens a rekey that anybody may have sent: the swarm's founder must have signed it.
 * @throws SwarmError REKEY_FORGED | FOUNDER_UNKNOWN; CodecError VERSION_UNKNOWN */
export function openRekey(swarm: Pick<SwarmState, "id" | "founder">, envelope: Uint8Array): Rekey {
  const founder = founderOf(swarm);
  let signer: AccountId;
  let rekey: Rekey;
  try {
    const opened = openEnvelope(PURPOSE, envelope);
    signer = idOf(opened.signer);
    rekey = decodeRekey(opened.body);
  } catch (error) {
    const isForeign =
      error instanceof CryptoError ||
      (error instanceof CodecError && error.code === "FORMAT_MALFORMED");
    if (!isForeign) throw error;
    throw membershipError("REKEY_FORGED", "the new key is not signed, or malformed", error);
  }
  if (signer !== founder) {
    throw membershipError("REKEY_FORGED", `the new key is signed by ${signer}, not the founder`);
  }
  if (rekey.swarm !== swarm.id) {
    throw membershipError("REKEY_FORGED", `the new key is that of another swarm, ${rekey.swarm}`);
  }
  return rekey;
}

/** The state after a rekey; the same one where it is not newer than what is there.
 * @throws SwarmError REKEY_FORGED | FOUNDER_UNKNOWN; CodecError VERSION_UNKNOWN */
export function takeRekey(state: SwarmState, envelope: Uint8Array): SwarmState {
  const { number, key, retiresMs } = openRekey(state, envelope);
  const [newest] = state.keys;
  if (number <= newest.number) return state;
  const before = { number: newest.number, key: newest.key, retiresMs };
  return { ...state, keys: [{ number, key }, before], rekey: envelope.slice() };
}

/** The founder's own rekey that has not reached its members yet. */
export function pendingRekey(state: SwarmState): Uint8Array | undefined {
  if (state.rekey === undefined) return undefined;
  return openRekey(state, state.rekey).number > state.keys[0].number ? state.rekey : undefined;
}

function founderOf({ id, founder }: Pick<SwarmState, "id" | "founder">): AccountId {
  if (founder !== undefined) return founder;
  throw membershipError("FOUNDER_UNKNOWN", `who founded swarm ${id} is not known to this home`);
}

function sorted(peers: readonly Id[]): Id[] {
  const unique = [...new Set(peers)];
  return unique.sort((a, b) => compareBytes(idBytes(a), idBytes(b)));
}
