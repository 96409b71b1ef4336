import { idBytes, idOf } from "../base/id.ts";
import type { AccountId, Epoch, PeerId, ShardId } from "../base/id.ts";
import { SHARD_MAX_BYTES, SIGNED_BODY_MAX_BYTES } from "../base/limits.ts";
import { decodeVersioned, encodeCbor, readBytes, readUint } from "./cbor.ts";
import { malformed } from "./error.ts";

/** A holder's word that it keeps a shard, durably, and until when. */
export interface Receipt {
  /** Who signs it. */
  holder: PeerId;
  account: AccountId;
  shard: ShardId;
  /** 1 to SHARD_MAX_BYTES. */
  lengthBytes: number;
  /** When it was given. */
  epoch: Epoch;
  /** The lease's last epoch; not before `epoch`. */
  leaseUntilEpoch: Epoch;
}

const VERSION = 1;
const WHAT = "receipt";
const EPOCH_MAX = 0xffff_ffff;

/** Encodes a receipt's body; the holder signs it for "receipt". */
export function encodeReceipt(receipt: Receipt): Uint8Array {
  return encodeCbor([
    VERSION,
    idBytes(receipt.holder),
    idBytes(receipt.account),
    idBytes(receipt.shard),
    receipt.lengthBytes,
    receipt.epoch,
    receipt.leaseUntilEpoch,
  ]);
}

/** @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED
 * @see docs/format/receipt.md */
export function decodeReceipt(bytes: Uint8Array): Receipt {
  const parts = decodeVersioned(bytes, WHAT, VERSION, 6, SIGNED_BODY_MAX_BYTES);
  const lengthBytes = readUint(parts[3], "receipt: length", SHARD_MAX_BYTES);
  const leaseUntilEpoch = readUint(parts[5], "receipt: lease", EPOCH_MAX);
  const epoch = readUint(parts[4], "receipt: epoch", leaseUntilEpoch);
  if (lengthBytes === 0) throw malformed(WHAT, "for an empty shard");
  return {
    holder: idOf(readBytes(parts[0], "receipt: holder", 32)),
    account: idOf(readBytes(parts[1], "receipt: account", 32)),
    shard: idOf(readBytes(parts[2], "receipt: shard", 32)),
    lengthBytes,
    epoch,
    leaseUntilEpoch,
  };
}
