import { idOf } from "../../base/id.ts";
import type { Epoch, PeerId } from "../../base/id.ts";
import { RECORD_VALUE_MAX_BYTES } from "../../base/limits.ts";
import { concatBytes, equalBytes, utf8 } from "../../base/bytes.ts";
import { decodeHead, encodeHead } from "../../codec/head.ts";
import type { Head } from "../../codec/head.ts";
import { recordSignedBytes } from "../../codec/record.ts";
import type { RecordEntry } from "../../codec/record.ts";
import { openEnvelope, signEnvelope } from "../../crypto/envelope.ts";
import { deriveKey, keyedHash } from "../../crypto/hash.node.ts";
import { NONCE_BYTES, TAG_BYTES, openInto, sealInto } from "../../crypto/seal.node.ts";
import { sign, signingKeyOf, verify } from "../../crypto/sign.node.ts";
import type { SigningKey } from "../../crypto/sign.node.ts";
import { headSeed } from "../../object/keys.ts";
import type { VolumeKeys } from "../../object/keys.ts";
import { assert } from "../../base/assert.ts";
import { VolumeError } from "../error.ts";

/** Head records are kept at least this long after they were signed. */
const HEAD_EPOCHS = 400;
const VERSION = 1;

/** The key of the record that holds a device's head of a volume. */
export function headKey(keys: VolumeKeys, device: PeerId, deviceBytes: Uint8Array): SigningKey {
  assert(idOf(deviceBytes) === device, "the device's id is its key");
  return signingKeyOf(headSeed(keys, deviceBytes));
}

/** Signs a head with the device's key, seals it, and signs the record that carries it.
 * @see docs/format/head.md */
export function makeHeadRecord(
  keys: VolumeKeys,
  device: SigningKey,
  head: Head,
  epoch: Epoch,
): RecordEntry {
  const recordKey = headKey(keys, head.device, device.publicKey);
  const plain = signEnvelope("head", device, encodeHead(head));
  const nonceKey = deriveKey("head nonce", keys.headSeal);
  const nonce = keyedHash(nonceKey, plain).subarray(0, NONCE_BYTES);
  const value = new Uint8Array(1 + NONCE_BYTES + plain.length + TAG_BYTES);
  assert(value.length <= RECORD_VALUE_MAX_BYTES, "a head fits into a record");
  value[0] = VERSION;
  value.set(nonce, 1);
  sealInto(value, 1 + NONCE_BYTES, keys.headSeal, nonce, headContext(recordKey.publicKey), plain);
  const entry: RecordEntry = {
    key: idOf(recordKey.publicKey),
    number: BigInt(head.number),
    expires: epoch + HEAD_EPOCHS,
    value,
    signature: new Uint8Array(64),
  };
  return { ...entry, signature: sign("record", recordKey, recordSignedBytes(entry)) };
}

/** Opens a head record and checks both signatures and that it speaks of this device and volume.
 * @throws VolumeError HEAD_FORGED; CodecError, CryptoError */
export function openHeadRecord(keys: VolumeKeys, device: SigningKey, record: RecordEntry): Head {
  const deviceId = idOf(device.publicKey);
  const recordKey = headKey(keys, deviceId, device.publicKey);
  const { value, signature } = record;
  const isOurs =
    record.key === idOf(recordKey.publicKey) &&
    verify("record", recordKey.publicKey, recordSignedBytes(record), signature);
  if (!isOurs || value[0] !== VERSION || value.length < 1 + NONCE_BYTES + TAG_BYTES) throw forged();
  const plain = new Uint8Array(value.length - 1 - NONCE_BYTES - TAG_BYTES);
  const nonce = value.subarray(1, 1 + NONCE_BYTES);
  const context = headContext(recordKey.publicKey);
  openInto(plain, keys.headSeal, nonce, context, value.subarray(1 + NONCE_BYTES));
  const { signer, body } = openEnvelope("head", plain);
  const head = decodeHead(body);
  const speaksOfUs =
    equalBytes(signer, device.publicKey) &&
    head.device === deviceId &&
    equalBytes(head.volume, keys.volumeId) &&
    BigInt(head.number) === record.number;
  if (!speaksOfUs) throw forged();
  return head;
}

function headContext(recordKey: Uint8Array): Uint8Array {
  return concatBytes(utf8("head"), recordKey);
}

function forged(): VolumeError {
  return new VolumeError("HEAD_FORGED", "a head record is not one of this device and volume");
}
